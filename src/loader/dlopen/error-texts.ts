import { notOnPages } from '../library-closure/library-shelf.ts';

/** How one C library's dlerror() words its refusals; `null` for a text that depends on more than the file. */
export interface ErrorTexts {
  /** A file or library that is not there. */
  absent(name: string, neededBy: string | null): string;
  /** A file that is there, and that the system does not let be read. */
  unreadable(name: string, cause: string): string;
  /** A file that the loader looked at and refused, for one of the reasons of the library shelf. */
  refused(name: string, reason: string, neededBy: string | null): string | null;
  /** Only a file of the other word size is there. */
  otherClass(name: string, is64: boolean): string | null;
  otherMachine(name: string): string | null;
  undefinedSymbol(object: string, symbol: string, version: string | null): string;
  /** No room for thread-local storage at a fixed place. */
  noThreadStorage(object: string): string | null;
  /** What the loader prints when a function is called that it did not find; `null` when it prints nothing. */
  unboundCall(object: string, symbol: string, version: string | null): string | null;
}

const absentFile = 'No such file or directory';

/** glibc's `elf/dl-load.c`, `dl-lookup.c` and `dlfcn/dlerror.c`. */
const glibc: ErrorTexts = {
  absent: (name) => `${name}: cannot open shared object file: ${absentFile}`,
  unreadable: (name, cause) => `${name}: cannot open shared object file: ${cause}`,
  refused: (name, reason) => (reason === notOnPages ? null : `${name}: ${reason}`),
  otherClass: (name, is64) => `${name}: wrong ELF class: ELFCLASS${is64 ? 32 : 64}`,
  otherMachine: (name) => `${name}: cannot open shared object file: ${absentFile}`,
  undefinedSymbol: (object, symbol, version) => `${object}: undefined symbol: ${versioned(symbol, version)}`,
  noThreadStorage: (object) => `${object}: cannot allocate memory in static TLS block`,
  unboundCall: (object, symbol, version) =>
    `symbol lookup error: ${object}: undefined symbol: ${versioned(symbol, version)}`,
};

function versioned(symbol: string, version: string | null): string {
  return version === null ? symbol : `${symbol}, version ${version}`;
}

const muslRefusals: ReadonlySet<string> = new Set([
  'invalid ELF header',
  'file too short',
  'only ET_DYN and ET_EXEC can be loaded',
  'object file has no dynamic section',
]);

/** musl's `ldso/dynlink.c`, load_library, load_deps and do_relocs. */
const musl: ErrorTexts = {
  absent: (name, neededBy) => muslLoading(name, absentFile, neededBy),
  unreadable: (name, cause) => muslLoading(name, cause, null),
  // What it looks at is little: the rest depends on what the bytes mean on the wrong machine.
  refused: (name, reason, neededBy) =>
    muslRefusals.has(reason) ? muslLoading(name, 'Exec format error', neededBy) : null,
  otherClass: () => null,
  otherMachine: () => null,
  undefinedSymbol: (object, symbol) => `Error relocating ${object}: ${symbol}: symbol not found`,
  // Names the symbol of the relocation, or "(local)".
  noThreadStorage: () => null,
  unboundCall: () => null,
};

function muslLoading(name: string, cause: string, neededBy: string | null): string {
  return `Error loading shared library ${name}: ${cause}${neededBy === null ? '' : ` (needed by ${neededBy})`}`;
}

export function errorTextsOf(kind: 'glibc' | 'musl'): ErrorTexts {
  return kind === 'glibc' ? glibc : musl;
}
