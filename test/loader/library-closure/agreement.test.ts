import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import test from 'ava';
import { directoryTree } from '../../../src/image/directory.ts';
import type { LibraryOptions } from '../../../src/loader/library-closure/closure.ts';
import { LibraryShelf } from '../../../src/loader/library-closure/library-shelf.ts';
import { resolveFile } from '../../../src/loader/library-closure/resolution.ts';
import { findElfFiles, pick } from '../../conformance/elf-files.ts';
import { differences, installedRoots, listingOf, nativeFiles } from '../../conformance/ldd.ts';
import { ldd } from '../../conformance/ldd-text.ts';
import { Bench, common, hasTool, ofGlibc, type Scenario } from './scenarios.ts';

const hasLdd = hasTool('ldd');

function resolved(file: string, options: LibraryOptions = {}) {
  return resolveFile({ name: file, place: file, inRoot: file }, new LibraryShelf(directoryTree('/')), options);
}

test('programs and libraries of this machine: what elfgate finds is what ldd -r prints', (t) => {
  if (!hasLdd) {
    t.log('not run: ldd is not on this machine');
    t.pass();
    return;
  }
  t.timeout(60_000);
  const shelf = new LibraryShelf(directoryTree('/'));
  const files = nativeFiles(pick(findElfFiles(installedRoots), 120), shelf);
  for (const file of files) {
    const ours = listingOf(resolveFile({ name: file, place: file, inRoot: file }, shelf, {}));
    t.deepEqual(differences(ldd(file), ours), [], file);
  }
  t.pass();
});

function optionsOf({ libraryPath, preload }: Scenario): LibraryOptions {
  return {
    ...(libraryPath === undefined ? {} : { libraryPath }),
    ...(preload === undefined ? {} : { preload: [preload] }),
  };
}

function environmentOf({ libraryPath, preload }: Scenario): Readonly<Record<string, string>> {
  return {
    ...(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }),
    ...(preload === undefined ? {} : { LD_PRELOAD: preload }),
  };
}

/** Subdirectories of glibc-hwcaps that the loader of this machine searches, as it says itself. */
function hwcapsOfThisMachine(): readonly string[] {
  const help = execFileSync(loaderOf(), ['--help'], { encoding: 'utf8' });
  const [, list = ''] = /glibc-hwcaps directories, in priority order:\n((?: +.*\n)*)/.exec(help) ?? [];
  return [...list.matchAll(/^ +(\S+) \(supported, searched\)$/gm)].map(([, name = '']) => name);
}

const loaderOf = (): string => resolved('/bin/sh').loader?.path ?? '';

for (const [name, prepare] of Object.entries({ ...common, ...ofGlibc })) {
  test(`glibc: ${name}`, (t) => {
    if (!hasLdd || !hasTool('gcc')) {
      t.log('not run: ldd or gcc is not on this machine');
      t.pass();
      return;
    }
    const bench = new Bench('gcc');
    t.teardown(() => rmSync(bench.directory, { recursive: true, force: true }));
    const scenario = prepare(bench);
    // The shell and the tools inside ldd would take the variables for theirs: where there are some, the loader is asked
    // as ldd asks it.
    const variables = Object.entries(environmentOf(scenario)).map(([key, value]) => `${key}=${value}`);
    const asked = ['env', 'LD_TRACE_LOADED_OBJECTS=1', 'LD_WARN=yes', 'LD_BIND_NOW=yes', ...variables] as const;
    const theirs = ldd(
      scenario.file,
      variables.length === 0 ? ['ldd', '-r'] : scenario.file.endsWith('.so') ? [...asked, loaderOf()] : asked,
    );
    const result = resolved(scenario.file, { ...optionsOf(scenario), hwcaps: hwcapsOfThisMachine() });
    t.deepEqual(differences(theirs, listingOf(result)), [], JSON.stringify({ theirs, result }, null, 2));
  });
}

const muslLoader = '/lib/ld-musl-x86_64.so.1';

for (const [name, prepare] of Object.entries(common)) {
  test(`musl: ${name}`, (t) => {
    if (!existsSync(muslLoader) || !hasTool('musl-gcc')) {
      t.log('not run: musl is not on this machine');
      t.pass();
      return;
    }
    const bench = new Bench('musl-gcc');
    t.teardown(() => rmSync(bench.directory, { recursive: true, force: true }));
    const scenario = prepare(bench);
    const theirs = ldd(scenario.file, [
      'env',
      ...Object.entries(environmentOf(scenario)).map(([key, value]) => `${key}=${value}`),
      muslLoader,
      '--list',
    ]);
    const result = resolved(scenario.file, optionsOf(scenario));
    t.is(result.loader?.kind, 'musl');
    // musl prints its own line under its path and under the first name of its libc, and one for the file itself when
    // that is needed by its own libraries.
    const own = [muslLoader, `=> ${scenario.file}`];
    const withoutLibc = (items: readonly string[]): readonly string[] =>
      items.filter((item) => !own.some((end) => item.endsWith(end)));
    const [left, right] = [theirs, listingOf(result)].map((listing) => ({
      ...listing,
      libraries: withoutLibc(listing.libraries),
    }));
    t.deepEqual(
      left === undefined || right === undefined ? null : differences(left, right),
      [],
      JSON.stringify({ theirs, result }, null, 2),
    );
  });
}
