import type { ElfFile } from '../elf/elf-file.ts';
import { STT } from '../elf/names.ts';
import type { BuildInformation } from './build-information.ts';
import { escapedPath, type PackageHashes, unescapedPath } from './package-hashes.ts';

/** What a file built with -buildmode=plugin offers to plugin.Lookup. */
export interface PluginExports {
  /** The plugin's path, by which the runtime tells plugins apart. */
  readonly path: string;
  /** Names of exported functions and variables, sorted. */
  readonly exports: readonly string[];
}

/**
 * Finds the plugin's own package and its exported names among the dynamic symbols; `null` when the file is no plugin.
 *
 * A plugin is a shared object whose init code registers its module (`runtime.addmoduledata`) and whose package
 * hashes include a package with a `main` function; the linker registers package main under the plugin's path.
 */
export function readPluginExports(
  elf: ElfFile,
  hashes: PackageHashes | null,
  build: Pick<BuildInformation, 'path' | 'settings'> | null,
): PluginExports | null {
  const symbols = elf.dynamicSymbols;
  // A program registers package main under that name; a plugin under its own path.
  if (symbols === null || hashes === null || elf.interpreter !== null || hashes.byPackage.has('main')) {
    return null;
  }
  const candidates = packagesWithMain(symbols.strings.bytes).filter((path) => hashes.byPackage.has(path));
  // An ordinary package may have a function called main too; the build information then says which one is meant.
  const path = candidates.find((candidate) => candidate === build?.path) ?? candidates[0] ?? givenPath(hashes, build);
  if (path === undefined) {
    return null;
  }
  const prefix = `${escapedPath(path)}.`;
  const starts = symbols.strings.offsetsOf(prefix);
  const exports = new Set<string>();
  for (const index of symbols.namedAt(starts)) {
    const type = symbols.type(index);
    if (symbols.isExport(index) && (type === STT.func || type === STT.object)) {
      const identifier = symbols.name(index).slice(prefix.length);
      if (isExportedIdentifier(identifier)) {
        exports.add(identifier);
      }
    }
  }
  return { path, exports: [...exports].sort() };
}

/**
 * The path that the builder gave with -ldflags=-pluginpath. The linker keeps the names of package main's symbols then,
 * so that only its hash stands under that path, and plugin.Open finds none of the functions it needs.
 */
function givenPath(hashes: PackageHashes, build: Pick<BuildInformation, 'settings'> | null): string | undefined {
  const flags = build?.settings.find(([name]) => name === '-ldflags')?.[1] ?? '';
  const path = /-pluginpath[= ]([^\s'"]+)/.exec(flags)?.[1];
  return path !== undefined && hashes.byPackage.has(path) ? path : undefined;
}

/** Packages whose function `main` is named in a string table. */
function packagesWithMain(bytes: Buffer): readonly string[] {
  // Without its dot, with which nearly every name is tried: searching starts where the first byte stands.
  const ending = Buffer.from('main\0');
  const paths: string[] = [];
  for (let at = bytes.indexOf(ending); at !== -1; at = bytes.indexOf(ending, at + 1)) {
    if (bytes[at - 1] === 0x2e) {
      const start = bytes.lastIndexOf(0, at) + 1;
      paths.push(unescapedPath(bytes.toString('latin1', start, at - 1)));
    }
  }
  return paths;
}

/**
 * Whether plugin.Lookup finds a name of this form (Go specification, "Exported identifiers": the first character is an
 * upper-case letter). Methods, closures and generic instances carry dots, parentheses or brackets, and cannot be looked up.
 */
export function isExportedIdentifier(text: string): boolean {
  // An expression over all letters of Unicode takes longer to make than all that nearly every file needs.
  return /^[A-Z]\w*$/.test(text) || (/[\u0080-\uffff]/.test(text) && /^\p{Lu}[\p{L}\p{Nd}_]*$/u.test(text));
}
