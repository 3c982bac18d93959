import type { ElfFile } from '../elf/elf-file.ts';
import { SHN, STT } from '../elf/names.ts';
import { gnuHash } from '../elf/string-table.ts';
import type { FunctionNames } from '../go/function-names.ts';
import { type CLibrary, findTexts } from './c-library.ts';

/** Whether a program reaches the name service switch, and what shows it. */
export interface NameServiceUse {
  /** `null` when neither symbols nor texts can tell. */
  readonly uses: boolean | null;
  /** Functions that reach it, where they are known by name. */
  readonly functions: readonly string[];
  /** Offset in the file of the text that shows it in static programs. */
  readonly at: number | null;
}

// Functions of glibc that end in a look-up of nsswitch.conf (glibc manual, "Name Service Switch", and nss/*-lookup.c).
const lookups = new Set(
  [
    'getaddrinfo getnameinfo gethostbyname gethostbyname_r gethostbyname2 gethostbyname2_r gethostbyaddr gethostbyaddr_r',
    'gethostent gethostent_r getnetbyname getnetbyname_r getnetbyaddr getnetbyaddr_r getnetent getservbyname',
    'getservbyname_r getservbyport getservbyport_r getservent getprotobyname getprotobyname_r getprotobynumber',
    'getprotobynumber_r getprotoent getpwnam getpwnam_r getpwuid getpwuid_r getpwent getpwent_r getgrnam getgrnam_r',
    'getgrgid getgrgid_r getgrent getgrent_r getgrouplist initgroups getspnam getspnam_r getsgnam getaliasbyname',
    'getnetgrent innetgr getrpcbyname getrpcbynumber ether_hostton ether_ntohost getaddrinfo_a getpublickey',
  ].flatMap((line) => line.split(' ')),
);

const hashesOfLookups: ReadonlySet<number> = new Set([...lookups].map((name) => gnuHash(Buffer.from(name), 0) | 0));

/** Texts of a static glibc's name service switch: its configuration and the start of its modules' names. */
const switchMarks = ['/etc/nsswitch.conf', 'libnss_'] as const;

/** Functions of Go's own packages that are linked in only when names are resolved through the C library. */
const goResolver = [
  'net._C2func_getaddrinfo',
  'net._C2func_getnameinfo',
  'net._C2func_res_nsearch',
  'net._C2func_res_search',
  'os/user._Cfunc_mygetpwnam_r',
  'os/user._Cfunc_mygetpwuid_r',
  'os/user._Cfunc_mygetgrnam_r',
  'os/user._Cfunc_mygetgrgid_r',
  'os/user._Cfunc_mygetgrouplist',
];

/** Functions of Go's cgo resolver that are part of a binary, by their names in pclntab, which survives stripping. */
export function goResolverFunctions(functions: FunctionNames): readonly string[] {
  return goResolver.filter((name) => functions.has(name));
}

/**
 * Tells whether a program looks names up through the name service switch.
 *
 * Dynamic programs show it by the functions they import. A static glibc holds the text of the modules' file names
 * only when its switch was linked in, which happens only when something calls it.
 */
export function readNameServiceUse(elf: ElfFile, library: CLibrary, goFunctions: readonly string[]): NameServiceUse {
  if (library.kind === 'none') {
    return { uses: false, functions: [], at: null };
  }
  if (library.linkage === 'static') {
    if (library.kind !== 'glibc') {
      return { uses: library.kind === 'musl' ? false : null, functions: [], at: null };
    }
    const found = findTexts(elf, switchMarks, 'anywhere');
    const at = found.size === switchMarks.length ? (found.get('libnss_') ?? null) : null;
    if (at === null) {
      return { uses: false, functions: [], at };
    }
    return { uses: true, functions: goFunctions.length > 0 ? goFunctions : linkedLookups(elf), at };
  }
  const imported = importedLookups(elf);
  return {
    uses: library.kind === 'musl' ? false : imported.length > 0,
    functions: imported,
    at: null,
  };
}

// Files that only glibc's own service `files` opens; Go's package net reads hosts, services and protocols by itself.
const filesOfServices = ['/etc/ethers', '/etc/gshadow'] as const;

/**
 * The services that a static glibc brings itself: `files` and `dns` since 2.34, none before, when they were modules as
 * all others are (glibc NEWS, 2.34).
 */
export function builtInServices(elf: ElfFile): readonly string[] {
  return findTexts(elf, filesOfServices, 'anywhere').size === filesOfServices.length ? ['dns', 'files'] : [];
}

function importedLookups(elf: ElfFile): readonly string[] {
  const symbols = elf.dynamicSymbols;
  if (symbols === null || symbols.imports.length === 0) {
    return [];
  }
  const { imports, nameOffsets } = symbols;
  const starts = new Uint32Array(imports.length);
  for (let index = 0; index < starts.length; index++) {
    starts[index] = nameOffsets[imports[index] ?? 0] ?? 0;
  }
  // Nearly no file imports one of these, and all have imports: only names of the same hash are decoded.
  const hashes = symbols.strings.hashesOf(starts);
  const found: string[] = [];
  for (let index = 0; index < hashes.length; index++) {
    if (hashesOfLookups.has(hashes[index] ?? 0)) {
      const name = symbols.name(imports[index] ?? 0);
      if (lookups.has(name)) {
        found.push(name);
      }
    }
  }
  return found.sort();
}

// The linker takes from libc.a what is called, directly or by what is called; stripped programs do not tell.
function linkedLookups(elf: ElfFile): readonly string[] {
  const found = new Set<string>();
  for (const chunk of elf.linkSymbols()) {
    for (let index = 0; index < chunk.length; index++) {
      if (chunk.type(index) === STT.func && chunk.section(index) !== SHN.undefined && lookups.has(chunk.name(index))) {
        found.add(chunk.name(index));
      }
    }
  }
  return [...found].sort();
}
