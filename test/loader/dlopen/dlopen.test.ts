import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { directoryTree } from '../../../src/image/directory.ts';
import type { OpeningMode } from '../../../src/loader/dlopen/process.ts';
import { LibraryShelf } from '../../../src/loader/library-closure/library-shelf.ts';
import { findElfFiles, pick } from '../../conformance/elf-files.ts';
import { installedRoots } from '../../conformance/ldd.ts';
import { type ArtifactName, artifacts, isArtifactName } from '../../lab/lab.ts';
import { type ComparedOpening, compareOpenings, everyMode } from './real-openings.ts';

const shelf = new LibraryShelf(directoryTree('/'));

interface Sequence {
  readonly host?: ArtifactName;
  /** Artifacts, or names and paths as dlopen gets them. */
  readonly objects: readonly string[];
  readonly mode?: Partial<OpeningMode>;
  readonly preload?: ArtifactName;
  /** `none` where what the loader says depends on its release, or on what was called before. */
  readonly text?: 'none';
}

/** What the prediction says, once it is what really happens; `null` where it cannot be built here. */
async function opened(
  t: ExecutionContext,
  { host = 'c/dlopen-host', objects, mode, preload, text }: Sequence,
): Promise<readonly ComparedOpening['predicted'][] | null> {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts([host, ...objects.filter(isArtifactName), ...(preload === undefined ? [] : [preload])]);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return null;
  }
  const path: Readonly<Partial<Record<string, string>>> = lab.path;
  const compared = await compareOpenings(
    path[host] ?? '',
    objects.map((object) => path[object] ?? object),
    { scope: 'local', binding: 'now', ...mode },
    shelf,
    preload === undefined ? {} : { preload: [path[preload] ?? ''] },
  );
  for (const { object, predicted, real, verdict } of compared) {
    t.is(verdict, text === 'none' ? 'outcome' : 'agrees', JSON.stringify({ object, predicted, real }));
  }
  return compared.map(({ predicted }) => predicted);
}

const outcomes = (predictions: readonly ComparedOpening['predicted'][] | null) =>
  predictions?.map(({ outcome, reason }) => `${outcome}: ${reason}`) ?? null;

/** Sequences in which each object but the last only prepares for it. */
const cases: Readonly<Record<string, readonly [Sequence, ...string[]]>> = {
  'a library that nothing stands against': [{ objects: ['c/search-path-none'] }, 'loads: compatible'],
  'the same library twice': [
    { objects: ['c/search-path-none', 'c/search-path-none'] },
    'loads: compatible',
    'loads: already-open',
  ],
  'a symbol that only a library opened with RTLD_LOCAL defines': [
    { objects: ['c/provider', 'c/needy'] },
    'loads: compatible',
    'fails: undefined-symbol',
  ],
  'a symbol that a library opened with RTLD_GLOBAL defines': [
    { objects: ['c/provider', 'c/needy'], mode: { scope: 'global' } },
    'loads: compatible',
    'loads: compatible',
  ],
  'a failed dlopen leaves nothing behind': [
    { objects: ['c/needy', 'c/provider', 'c/needy'], mode: { scope: 'global' } },
    'fails: undefined-symbol',
    'loads: compatible',
    'loads: compatible',
  ],
  'a symbol that the program exports': [{ host: 'c/dlopen-host-exports', objects: ['c/needy'] }, 'loads: compatible'],
  'a symbol that a preloaded library defines': [{ objects: ['c/needy'], preload: 'c/provider' }, 'loads: compatible'],
  'a function under lazy binding': [{ objects: ['c/needy-lazy'], mode: { binding: 'lazy' } }, 'loads: compatible'],
  'a weak reference that nothing defines': [{ objects: ['c/needy-weak'] }, 'loads: compatible'],
  'a library that is found by its own search path': [{ objects: ['c/needy-linked'] }, 'loads: compatible'],
  'a library that is not there': [{ objects: ['c/needs-absent'] }, 'fails: library-not-found'],
  'a version that no glibc has': [{ objects: ['c/needs-future-glibc'] }, 'fails: symbol-version-missing'],
  'a version of a library that has none at all': [
    { objects: ['c/needy-unversioned'] },
    'crashes: version-without-library',
  ],
  'a version of a library that has none of its own': [
    { objects: ['c/needy-unversioned-of-glibc'] },
    'loads: compatible',
  ],
  'no default directories': [{ objects: ['c/no-default-libraries'], text: 'none' }, 'fails: library-not-found'],
  'a filter that is not there': [{ objects: ['c/filter-missing'] }, 'fails: library-not-found'],
  'segments that no page holds': [{ objects: ['c/small-pages'], text: 'none' }, 'fails: not-elf'],
  'thread-local storage at a fixed place': [{ objects: ['c/static-tls'] }, 'loads: compatible'],
  'an executable stack': [{ objects: ['c/executable-stack'] }, 'loads: compatible'],
  'text relocations, and packed relative ones': [
    { objects: ['c/textrel', 'c/relr'] },
    'loads: compatible',
    'loads: compatible',
  ],
  'a library without section headers': [{ objects: ['c/without-sections'] }, 'loads: compatible'],
  'a C++ library with unique symbols': [{ objects: ['c/unique'] }, 'loads: compatible'],
  'a program': [{ objects: ['c/hello', 'c/hello-static'] }, 'fails: not-a-shared-object', 'fails: not-a-shared-object'],
  'another processor': [{ objects: ['cross/hello-arm64'] }, 'fails: wrong-machine'],
  'a text, nothing and a directory': [
    { objects: ['/etc/passwd', '/nonexistent/x.so', '/etc'] },
    'fails: not-elf',
    'fails: file-not-found',
    'fails: file-unreadable',
  ],
  'names that are searched for': [
    { objects: ['libc.so.6', 'libm.so.6', 'libnothing-of-that-name.so'] },
    'loads: compatible',
    'loads: compatible',
    'fails: file-not-found',
  ],
  'a Go plugin, which brings a runtime of its own': [{ objects: ['go/plugin'] }, 'loads: compatible'],
};

for (const [title, [sequence, ...expected]] of Object.entries(cases)) {
  test(`glibc: ${title}`, async (t) => {
    const predictions = await opened(t, sequence);
    if (predictions !== null) {
      t.deepEqual(outcomes(predictions), expected);
    }
  });
}

test('glibc: paths that take a library for a directory', async (t) => {
  const lab = await artifacts(['c/search-path-none']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const library = lab.path['c/search-path-none'];
  const predictions = await opened(t, { objects: [`${library}/`, `${library}/.`, `${library}/libm.so.6`, library] });
  if (predictions !== null) {
    t.deepEqual(outcomes(predictions), [...Array(3).fill('fails: file-not-found'), 'loads: compatible']);
  }
});

const ofMusl = [
  'only a library opened with RTLD_LOCAL',
  'a library opened with RTLD_GLOBAL',
  'a library that is not there',
];

for (const [title, [sequence, ...expected]] of Object.entries(cases).filter(([each]) =>
  ofMusl.some((part) => each.includes(part)),
)) {
  test(`musl: ${title}`, async (t) => {
    if (!existsSync('/lib/ld-musl-x86_64.so.1')) {
      t.log('not run: musl is not on this machine');
      return t.pass();
    }
    const predictions = await opened(t, { ...sequence, host: 'c/dlopen-host-musl' });
    if (predictions !== null) {
      t.deepEqual(outcomes(predictions), expected);
    }
  });
}

test('the provider that another scope hides is named, and how to mend it', async (t) => {
  const predictions = await opened(t, { objects: ['c/provider', 'c/needy'] });
  const failed = predictions?.[1];
  if (failed !== undefined) {
    t.deepEqual(
      failed.evidence.map(({ label, value }) => `${label}: ${value}`),
      ['needs: provider_fn', 'defines it, opened with RTLD_LOCAL: provider_fn'],
    );
    t.regex(failed.help ?? '', /^open \S+libprovider\.so with RTLD_GLOBAL, or link \S+libneedy\.so against it$/);
  }
});

test('what the first call of an unbound function prints is told, and the process does end with it', async (t) => {
  const predictions = await opened(t, { objects: ['c/needy-lazy'], mode: { binding: 'lazy' } });
  const calls = predictions?.[0]?.unboundCalls;
  if (calls === undefined) {
    return;
  }
  t.is(calls.count, 1);
  const lab = await artifacts(['c/dlopen-host', 'c/needy-lazy']);
  if (!lab.available) {
    return t.fail(lab.reason);
  }
  const { run } = await import('../../lab/run.ts');
  const args = ['--lazy', '--call', 'needy_fn', lab.path['c/needy-lazy']];
  const { exitCode, stderr } = await run(lab.path['c/dlopen-host'], args);
  t.is(exitCode, 127);
  t.is(stderr, `${lab.path['c/dlopen-host']}: ${calls.symbols[0]?.message}\n`);
});

test('libraries of this machine, in all modes: what is predicted is what happens', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['c/dlopen-host']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const libraries = findElfFiles(installedRoots).filter(({ path }) => /\.so(?:\.|$)/.test(path));
  const files = pick(libraries, 24);
  for (const [index, file] of files.entries()) {
    const mode = everyMode[index % everyMode.length] ?? { scope: 'local', binding: 'now' };
    for (const { predicted, real, verdict } of await compareOpenings(lab.path['c/dlopen-host'], [file], mode, shelf)) {
      t.not(verdict, 'disagrees', JSON.stringify({ file, mode, predicted, real }));
    }
  }
});

test('glibc: a library that is marked for processors beyond that of the program is not known to load', async (t) => {
  const lab = await artifacts(['c/dlopen-host', 'c/isa-v4', 'c/search-path-none']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const [marked, unmarked] = await compareOpenings(
    lab.path['c/dlopen-host'],
    [lab.path['c/isa-v4'], lab.path['c/search-path-none']],
    { scope: 'local', binding: 'now' },
    shelf,
  );
  t.like(marked?.predicted, { outcome: 'fails', reason: 'unknown-processor' });
  t.is(marked?.verdict, 'undecided');
  t.is(unmarked?.verdict, 'agrees');
});
