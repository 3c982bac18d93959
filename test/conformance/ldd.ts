/**
 * Compares the libraries, undefined symbols and version errors that elfgate finds with those that `ldd -r` prints.
 *
 *     node test/conformance/ldd.ts [--count 500] [ROOT…]
 *
 * Without a count, every file is compared. Exit code 1 when one file differs; every difference is printed. ldd runs
 * the loader of each file, so that only files of this machine that glibc loads are compared.
 */

import { parseArgs } from 'node:util';
import { directoryTree } from '../../src/image/directory.ts';
import { LibraryShelf } from '../../src/loader/library-closure/library-shelf.ts';
import { openMainObject } from '../../src/loader/library-closure/main-object.ts';
import { type Resolution, resolveFile } from '../../src/loader/library-closure/resolution.ts';
import { findElfFiles, pick } from './elf-files.ts';
import { type Listing, ldd } from './ldd-text.ts';

/** Where this machine's programs and libraries lie. */
export const installedRoots = ['/usr/bin', '/usr/sbin', '/usr/lib', '/usr/libexec'] as const;

/** Files that glibc's loader of this machine would load, so that ldd can be asked. */
export function nativeFiles(paths: readonly string[], shelf: LibraryShelf): readonly string[] {
  return paths.filter((path) => {
    try {
      const { object } = openMainObject({ name: path, place: path, inRoot: path }, shelf);
      const linker = shelf.linkerFor(object);
      const isNative =
        object.platform.machine === nativeMachine && object.platform.is64 && object.platform.littleEndian;
      return object.dynamic && isNative && linker.kind === 'glibc' && linker.path !== null;
    } catch {
      // Object files, debug files and what is no program at all: ldd calls them not a dynamic executable.
      return false;
    }
  });
}

const nativeMachine = { x64: 62, arm64: 183, s390x: 22, riscv64: 243, loong64: 258 }[process.arch as string] ?? -1;

/** What elfgate finds, in ldd's terms. */
export function listingOf(result: Resolution): Listing {
  const refused = result.missing.find((missing) => missing.refused !== null)?.refused ?? null;
  return {
    libraries: unique(
      result.libraries.map(({ name, path }) =>
        path === result.loader?.path || path === name ? path : `${name} => ${path}`,
      ),
    ),
    missing: unique(result.missing.map(({ name }) => name)),
    undefinedSymbols: unique(
      result.unresolved
        .filter(({ weak }) => !weak)
        .map(({ symbol, version, neededBy }) => `${symbol}${version === null ? '' : `@${version}`} of ${neededBy}`),
    ),
    ofMissingLibraries: unique(
      result.unresolved
        .filter(({ library }) => result.missing.some(({ name }) => name === library))
        .map(({ symbol, neededBy }) => `${symbol} of ${neededBy}`),
    ),
    versionErrors: unique(
      result.versionErrors
        .filter(({ kind }) => kind === 'absent')
        .map(({ version, provider, neededBy }) => `${version} of ${provider} for ${neededBy}`),
    ),
    stopped: refused === null ? null : `${refused.path}: ${refused.reason}`,
  };
}

/** What one of the two says and the other does not; empty when they agree. */
export function differences(theirs: Listing, ours: Listing): readonly string[] {
  if (theirs.stopped !== null || ours.stopped !== null) {
    // A loader that stops lists nothing else, and names the file by its path or by the name that was asked for.
    const [their, our] = [theirs.stopped, ours.stopped].map((text) => text?.replace(/^.*?([^/:]+: )/, '$1'));
    return their === our ? [] : [`stopped: ldd ${theirs.stopped}, elfgate ${ours.stopped}`];
  }
  return (['libraries', 'missing', 'undefinedSymbols', 'versionErrors'] as const).flatMap((key) => {
    // While it lists, ldd counts the versions of present libraries only, and prints symbols whose version has a higher
    // number without it (glibc elf/dl-version.c, ndx_high; a loader that runs the program has stopped before).
    const plain = (item: string): string => item.replace(/@\S+ of /, ' of ');
    const optional = new Set(ours.ofMissingLibraries);
    const same = (item: string): string => (optional.has(plain(item)) ? plain(item) : item);
    const [left, right] = [new Set(theirs[key].map(same)), new Set(ours[key].map(same))];
    const onlyTheirs = [...left].filter((item) => !right.has(item));
    const onlyOurs = [...right].filter((item) => !left.has(item));
    return onlyTheirs.length + onlyOurs.length === 0
      ? []
      : [`${key}: only ldd ${shown(onlyTheirs)}, only elfgate ${shown(onlyOurs)}`];
  });
}

const unique = (items: readonly string[]): readonly string[] => [...new Set(items)].sort();

function shown(items: readonly string[]): string {
  return `${items.length} ${JSON.stringify(items.slice(0, 5))}`;
}

function main(): void {
  const { values, positionals } = parseArgs({ options: { count: { type: 'string' } }, allowPositionals: true });
  const found = findElfFiles(positionals.length > 0 ? positionals : installedRoots);
  const picked = pick(found, values.count === undefined ? found.length : Number(values.count)).toSorted();
  const shelf = new LibraryShelf(directoryTree('/'));
  const files = nativeFiles(picked, new LibraryShelf(directoryTree('/')));
  const ourStart = performance.now();
  const ours = files.map((path) => listingOf(resolveFile({ name: path, place: path, inRoot: path }, shelf, {})));
  const ourSeconds = (performance.now() - ourStart) / 1000;
  let lddSeconds = 0;
  let differing = 0;
  let [libraries, missing, symbols, versions] = [0, 0, 0, 0];
  for (const [index, path] of files.entries()) {
    const start = performance.now();
    const theirs = ldd(path);
    lddSeconds += (performance.now() - start) / 1000;
    libraries += theirs.libraries.length;
    missing += theirs.missing.length;
    symbols += theirs.undefinedSymbols.length;
    versions += theirs.versionErrors.length;
    const mine = ours[index];
    const found = mine === undefined ? ['not resolved'] : differences(theirs, mine);
    if (found.length > 0) {
      differing += 1;
      process.stdout.write(`${path}\n${found.map((line) => `  ${line}\n`).join('')}`);
    }
  }
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(
    `${files.length} files of ${picked.length} compared with ldd -r: ${differing} differ; ` +
      `${libraries} libraries, ${missing} missing, ${symbols} undefined symbols, ${versions} version errors; ` +
      `elfgate ${ourSeconds.toFixed(1)} s and ${memory} MB, ldd ${lddSeconds.toFixed(1)} s\n`,
  );
  process.exitCode = differing > 0 ? 1 : 0;
}

if (import.meta.main) {
  main();
}
