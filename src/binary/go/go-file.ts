import type { ElfFile } from '../elf/elf-file.ts';
import { type BuildInformation, readBuildInformation } from './build-information.ts';
import { type FunctionNames, readFunctionNames } from './function-names.ts';
import { findGoVersion } from './go-version.ts';
import { type PackageHashes, readPackageHashes } from './package-hashes.ts';
import { type PluginExports, readPluginExports } from './plugin-exports.ts';

/** What is known of a binary that holds a Go runtime. */
export interface GoFile {
  readonly build: BuildInformation | null;
  /** Toolchain, with the offset in the file where it was read; `null` when nothing names it. */
  readonly version: { readonly text: string; readonly at: number; readonly from: string } | null;
  readonly hashes: PackageHashes | null;
  readonly plugin: PluginExports | null;
  readonly functions: FunctionNames | null;
  /**
   * Bytes of `runtime.firstmoduledata`, in which the runtime keeps what it knows of a module. Host and plugin must
   * agree on it; `null` when the file does not export it.
   */
  readonly moduleDataBytes: number | null;
}

/**
 * Reads what Go's linker left; `null` for a file without a Go runtime.
 *
 * @throws FormatError
 */
export function readGoFile(elf: ElfFile): GoFile | null {
  const build = readBuildInformation(elf);
  const hashes = readPackageHashes(elf);
  if (build === null && hashes === null && !looksLikeGo(elf)) {
    return null;
  }
  const found = build === null ? findGoVersion(elf) : null;
  const functions = readFunctionNames(elf);
  if (build === null && hashes === null && functions === null) {
    return null;
  }
  return {
    build,
    version:
      build !== null
        ? { text: build.version, at: build.at, from: '.go.buildinfo' }
        : found !== null
          ? { text: found.version, at: found.at, from: found.from }
          : null,
    hashes,
    plugin: readPluginExports(elf, hashes, build),
    functions,
    moduleDataBytes: hashes === null ? null : moduleDataBytes(elf),
  };
}

// Searching a whole file for pclntab is only worth it where something else hints at Go: its sections or its note.
function looksLikeGo(elf: ElfFile): boolean {
  return elf.sections.some(({ name }) => name.includes('gopclntab')) || elf.notes.some(({ owner }) => owner === 'Go');
}

function moduleDataBytes(elf: ElfFile): number | null {
  const symbols = elf.dynamicSymbols;
  const name = 'runtime.firstmoduledata';
  const start = symbols?.strings.bytes.indexOf(`\0${name}\0`) ?? -1;
  if (symbols === null || start === -1) {
    return null;
  }
  const index = symbols.nameOffsets.indexOf(start + 1);
  return index === -1 ? null : symbols.size(index);
}
