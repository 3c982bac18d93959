import type { ElfFile } from '../elf/elf-file.ts';
import { STT } from '../elf/names.ts';
import { escapedPath, type PackageHashes } from './package-hashes.ts';

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
  mainPath: string | null,
): PluginExports | null {
  const symbols = elf.dynamicSymbols;
  // A program registers package main under that name; a plugin under its own path.
  if (symbols === null || hashes === null || elf.interpreter !== null || hashes.byPackage.has('main')) {
    return null;
  }
  const names = new Map<string, number>();
  for (let index = 1; index < symbols.length; index++) {
    if (symbols.isExport(index)) {
      names.set(symbols.name(index), symbols.type(index));
    }
  }
  const candidates = [...hashes.byPackage.keys()].filter((path) => names.has(`${escapedPath(path)}.main`));
  // An ordinary package may have a function called main too; the build information then says which one is meant.
  const path = candidates.find((candidate) => candidate === mainPath) ?? candidates[0];
  if (path === undefined) {
    return null;
  }
  const prefix = `${escapedPath(path)}.`;
  const exports: string[] = [];
  for (const [name, type] of names) {
    const identifier = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if ((type === STT.func || type === STT.object) && isExportedIdentifier(identifier)) {
      exports.push(identifier);
    }
  }
  return { path, exports: exports.sort() };
}

// Go specification, "Exported identifiers": the first character is an upper-case letter. Methods, closures and
// generic instances carry dots, parentheses or brackets, and cannot be looked up.
const exportedIdentifier = /^\p{Lu}[\p{L}\p{Nd}_]*$/u;

function isExportedIdentifier(name: string): boolean {
  return exportedIdentifier.test(name);
}
