import type { ElfFile } from '../binary/elf/elf-file.ts';
import { isProgram, readHardening } from '../binary/elf/hardening.ts';
import { hashStyles } from '../binary/elf/hash-tables.ts';
import {
  bindingName,
  ET,
  machineName,
  operatingSystemName,
  symbolTypeName,
  typeName,
  visibilityName,
} from '../binary/elf/names.ts';
import { abiTag, buildId, processorFeatures } from '../binary/elf/notes.ts';
import { countRelocations } from '../binary/elf/relocations.ts';
import { linkSymbolSection } from '../binary/elf/symbols.ts';
import { readSurface } from '../binary/visibility/surface.ts';
import type { FileTree } from '../image/file-tree.ts';
import { interpreterInRoot, type Program, programOf } from '../loader/interpreter.ts';
import { explainSearchPath, type ObjectPlace } from '../loader/search-path.ts';
import type { ElfFacts } from './schema.ts';

export interface ElfFactsOptions {
  /** Path of the file, inside the root where there is one. */
  readonly path: string;
  readonly root: FileTree | null;
  /** Whether symbols are listed and not only counted. */
  readonly symbols: 'listed' | 'counted';
  /** Whether the names that a shared object offers are worth listing: somebody asked about this very file. */
  readonly surface: 'read' | 'skipped';
  readonly isGo: boolean;
}

/** States what the ELF format says of a file. @throws FormatError */
export function elfFacts(elf: ElfFile, options: ElfFactsOptions): ElfFacts {
  const { dynamic, header, notes } = elf;
  const rpath = dynamic?.rpath ?? [];
  const runpath = dynamic?.runpath ?? [];
  const program = isProgram(elf);
  const hardening = readHardening(elf);
  const rooted = rootedFacts({ ...programOf(elf), rpath, runpath }, { root: options.root, path: options.path });
  return {
    class: header.encoding.is64 ? 64 : 32,
    endian: header.encoding.littleEndian ? 'little' : 'big',
    machine: machineName(header.machine),
    type: typeName(header.type),
    osabi: operatingSystemName(header.osabi),
    interpreter: elf.interpreter,
    soname: dynamic?.soname ?? null,
    needed: [...(dynamic?.needed ?? [])],
    rpath: [...rpath],
    runpath: [...runpath],
    buildId: buildId(notes),
    flags: flagsOf(elf, program),
    stripped: linkSymbolSection(elf.sections) === null,
    ...symbolFacts(elf, options.symbols),
    versionsNeeded: versionsNeeded(elf),
    versionsDefined: elf.symbolVersions?.defined.map(({ version }) => version) ?? [],
    program,
    debugInformation: elf.section('.debug_info') !== null || elf.section('.zdebug_info') !== null,
    abiTag: abiTag(header, notes),
    processorFeatures: [...processorFeatures(header, notes)],
    comment: [...elf.comment()],
    hashStyles: dynamic === null ? [] : [...hashStyles(dynamic)],
    relocations: dynamic === null ? { rel: 0, rela: 0, relr: 0 } : countRelocations(header, dynamic, elf.memory),
    // Field by field: taking over a whole object behind other fields is slow.
    relro: hardening.relro,
    executableStack: hardening.executableStack,
    positionIndependent: hardening.positionIndependent,
    stackProtector: hardening.stackProtector,
    fortified: hardening.fortified,
    searchPaths: rooted.searchPaths,
    interpreterInRoot: rooted.interpreterInRoot,
    surface: options.surface === 'read' && !program && header.type === ET.dyn ? surfaceFacts(elf, options.isGo) : null,
  };
}

/** What of a file's facts depends on the root file system that it lies in. */
export function rootedFacts(
  elf: Program & { readonly rpath: readonly string[]; readonly runpath: readonly string[] },
  place: ObjectPlace,
): Pick<ElfFacts, 'searchPaths' | 'interpreterInRoot'> {
  return {
    searchPaths: [
      ...elf.rpath.map((entry) => explainSearchPath(entry, 'rpath', place)),
      ...elf.runpath.map((entry) => explainSearchPath(entry, 'runpath', place)),
    ],
    interpreterInRoot: place.root === null ? null : interpreterInRoot(elf, place.root),
  };
}

// Linkers before 2.26 leave DF_1_PIE out; a program of type DYN is position-independent with or without the flag.
function flagsOf(elf: ElfFile, program: boolean): string[] {
  const flags = elf.dynamic === null ? [] : [...elf.dynamic.flagNames];
  return program && elf.header.type === ET.dyn && !flags.includes('PIE') ? [...flags, 'PIE'] : flags;
}

function symbolFacts(
  elf: ElfFile,
  detail: ElfFactsOptions['symbols'],
): Pick<ElfFacts, 'importCount' | 'exportCount' | 'imports' | 'exports'> {
  const symbols = elf.dynamicSymbols;
  const counts = { importCount: symbols?.imports.length ?? 0, exportCount: symbols?.exports.length ?? 0 };
  if (detail === 'counted' || symbols === null) {
    return detail === 'counted' ? counts : { ...counts, imports: [], exports: [] };
  }
  const imports = symbols.imports.map((index) => {
    const version = elf.symbolVersions?.versionOf(index) ?? null;
    return {
      name: symbols.name(index),
      version: version?.version ?? null,
      library: version?.library ?? null,
      binding: bindingName(symbols.binding(index)),
      type: symbolTypeName(symbols.type(index)),
    };
  });
  const exports = symbols.exports.map((index) => {
    const version = elf.symbolVersions?.versionOf(index) ?? null;
    return {
      name: symbols.name(index),
      version: version?.version ?? null,
      default: version?.default ?? true,
      binding: bindingName(symbols.binding(index)),
      type: symbolTypeName(symbols.type(index)),
      visibility: visibilityName(symbols.other(index)),
      size: symbols.size(index),
    };
  });
  return { ...counts, imports, exports };
}

function versionsNeeded(elf: ElfFile): Record<string, string[]> {
  // A map, because a library may be called `__proto__`.
  const byLibrary = new Map<string, string[]>();
  for (const { library, version } of elf.symbolVersions?.needed ?? []) {
    const versions = byLibrary.get(library) ?? [];
    if (versions.push(version) === 1) {
      byLibrary.set(library, versions);
    }
  }
  for (const versions of byLibrary.values()) {
    versions.sort();
  }
  return Object.fromEntries(byLibrary);
}

function surfaceFacts(elf: ElfFile, isGo: boolean): ElfFacts['surface'] {
  const surface = readSurface(elf, isGo);
  return {
    names: [...surface.names],
    count: surface.count,
    protectedNames: [...surface.protectedNames],
    uniqueNames: [...surface.uniqueNames],
    hiddenCount: surface.hiddenCount,
    leaked: surface.leaked.map(({ library, count, symbols }) => ({ library, count, symbols: [...symbols] })),
  };
}
