import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Resolution } from '../../../src/loader/library-closure/resolution.ts';
import { runCli } from '../../cli/run-cli.ts';
import { type ArtifactName, artifacts } from '../../lab/lab.ts';

/** Runs `elfgate resolve` on a file of a lab root, or of a directory, and reads what it prints. */
async function resolveIn(root: string, files: readonly string[], more: readonly string[] = []) {
  const run = await runCli(['resolve', ...files, '--root', root, '-o', 'json', ...more]);
  const results: readonly Resolution[] = run.stdout === '' ? [] : JSON.parse(run.stdout).results;
  return { ...run, results, first: results[0] };
}

async function pathOf(t: ExecutionContext, name: ArtifactName): Promise<string | null> {
  t.timeout(600_000);
  const lab = await artifacts([name]);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return null;
  }
  return lab.path[name];
}

const names = (result: Resolution | undefined): readonly string[] =>
  (result?.libraries ?? []).map(({ name, path }) => `${name} => ${path}`);

for (const root of ['root/debian-like', 'root/debian-like-with-cache'] as const) {
  test(`${root}: a program finds its C library, with a cache or without`, async (t) => {
    const place = await pathOf(t, root);
    if (place === null) {
      return;
    }
    const { exitCode, first } = await resolveIn(place, ['/usr/bin/hello']);
    t.is(exitCode, 0);
    t.deepEqual(names(first), [
      'libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6',
      'ld-linux-x86-64.so.2 => /lib64/ld-linux-x86-64.so.2',
    ]);
    t.like(first, { complete: true, loader: { kind: 'glibc' }, missing: [], versionErrors: [], cycles: [] });
  });
}

test('root/musl-like: its own program loads, and one that was linked against glibc has no interpreter', async (t) => {
  const place = await pathOf(t, 'root/musl-like');
  if (place === null) {
    return;
  }
  const { exitCode, results } = await resolveIn(place, ['/bin/hello', '/bin/hello-glibc', '/bin/hello-static']);
  t.is(exitCode, 1);
  const [own, foreign, fixed] = results;
  t.like(own, { complete: true, loader: { kind: 'musl', path: '/lib/ld-musl-x86_64.so.1' }, missing: [] });
  t.deepEqual(names(own), ['libc.so => /lib/ld-musl-x86_64.so.1']);
  t.like(foreign, { complete: false, interpreter: { path: '/lib64/ld-linux-x86-64.so.2', found: false } });
  t.deepEqual(
    foreign?.missing.map(({ name }) => name),
    ['/lib64/ld-linux-x86-64.so.2', 'libc.so.6'],
  );
  t.like(fixed, { complete: true, loader: null, libraries: [] });
});

test('a root made from scratch runs a static program and no other', async (t) => {
  const [fixed, dynamic] = [await pathOf(t, 'root/scratch'), await pathOf(t, 'root/scratch-with-dynamic-program')];
  if (fixed !== null && dynamic !== null) {
    t.is((await resolveIn(fixed, ['/hello'])).exitCode, 0);
    t.is((await resolveIn(dynamic, ['/hello'])).exitCode, 1);
  }
});

test('a static program needs nothing, whether or not it can be loaded anywhere', async (t) => {
  const [root, fixed, anywhere] = [
    await pathOf(t, 'root/scratch'),
    await pathOf(t, 'c/hello-static'),
    await pathOf(t, 'c/hello-static-pie'),
  ];
  if (root !== null && fixed !== null && anywhere !== null) {
    const { exitCode, results } = await resolveIn(root, [fixed, anywhere]);
    t.is(exitCode, 0);
    for (const result of results) {
      t.like(result, { complete: true, loader: null, libraries: [], unresolved: [] });
    }
  }
});

test('a file outside the root is judged as if it were brought there', async (t) => {
  const [root, program] = [await pathOf(t, 'root/debian-like'), await pathOf(t, 'c/needs-absent-library')];
  if (root === null || program === null) {
    return;
  }
  const { exitCode, first } = await resolveIn(root, [program]);
  t.is(exitCode, 1);
  t.deepEqual(first?.missing, [{ name: 'libabsent.so', neededBy: program, optional: false, refused: null }]);
});

test('libraries that need each other are a cycle', async (t) => {
  const place = await pathOf(t, 'c/needed-cycle');
  if (place !== null) {
    const file = join(place, 'libcycle-a.so');
    const { exitCode, first } = await resolveIn('/', [file]);
    t.is(exitCode, 0);
    t.deepEqual(first?.cycles, [[file, 'libcycle-b.so']]);
  }
});

test('a glibc of the future is a version that the root lacks', async (t) => {
  const [root, file] = [await pathOf(t, 'root/debian-like'), await pathOf(t, 'c/needs-future-glibc')];
  if (root !== null && file !== null) {
    const { exitCode, first } = await resolveIn(root, [file]);
    t.is(exitCode, 1);
    t.deepEqual(first?.versionErrors, [
      {
        library: 'libc.so.6',
        version: 'GLIBC_2.99',
        neededBy: file,
        provider: '/lib/x86_64-linux-gnu/libc.so.6',
        kind: 'absent',
      },
    ]);
    t.deepEqual(
      first?.unresolved.filter(({ weak }) => !weak).map(({ symbol, version }) => ({ symbol, version })),
      [{ symbol: 'future_function', version: 'GLIBC_2.99' }],
    );
  }
});

test('the text output shows the tree, and what is missing', async (t) => {
  const [root, program] = [await pathOf(t, 'root/debian-like'), await pathOf(t, 'c/needs-absent-library')];
  if (root === null || program === null) {
    return;
  }
  const run = await runCli(['resolve', program, '--root', root]);
  t.is(run.exitCode, 1);
  t.is(
    run.stdout,
    [
      program,
      '  libabsent.so => not found',
      '  libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6',
      '    ld-linux-x86-64.so.2 => /lib64/ld-linux-x86-64.so.2',
      '',
    ].join('\n'),
  );
});

function emptyRoot(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), 'elfgate-root-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

test('what is no program, is cut short or is not there: exit code 2, and the others are still resolved', async (t) => {
  const root = await pathOf(t, 'root/debian-like');
  if (root === null) {
    return;
  }
  const place = emptyRoot(t);
  writeFileSync(join(place, 'text'), 'hello');
  cpSync(join(root, 'usr/bin/hello'), join(place, 'short'));
  truncateSync(join(place, 'short'), 3_000);
  for (const [name, code, words] of [
    ['text', 'unsupported-format', 'neither a program nor a shared library'],
    ['short', 'malformed', 'offset 0x'],
    ['absent', 'unreadable', 'absent'],
  ] as const) {
    const { exitCode, stderr, results } = await resolveIn(root, [join(place, name), '/usr/bin/hello']);
    t.is(exitCode, 2);
    t.true(stderr.includes(`cannot decide[${code}]`) && stderr.includes(words) && stderr.includes(name), stderr);
    t.deepEqual(
      results.map(({ file }) => file),
      ['/usr/bin/hello'],
    );
  }
});

test('a library that is cut short leaves the program undecided', async (t) => {
  const source = await pathOf(t, 'root/debian-like');
  if (source === null) {
    return;
  }
  const root = emptyRoot(t);
  cpSync(source, root, { recursive: true, verbatimSymlinks: true });
  truncateSync(join(root, 'usr/lib/x86_64-linux-gnu/libc.so.6'), 500_000);
  const { exitCode, stderr } = await resolveIn(root, ['/usr/bin/hello']);
  t.is(exitCode, 2);
  t.regex(stderr, /cannot decide\[malformed\]: \/usr\/lib\/x86_64-linux-gnu\/libc\.so\.6: offset 0x/);
});

test('links that lead in circles, out of the root or nowhere, and a gigabyte of zeros, are no libraries', async (t) => {
  const program = await pathOf(t, 'c/hello');
  if (program === null) {
    return;
  }
  const root = emptyRoot(t);
  mkdirSync(join(root, 'lib64'));
  symlinkSync('libc.so.6', join(root, 'lib64/libc.so.6'));
  symlinkSync('../../../../../../../../../../lib64/ld-linux-x86-64.so.2', join(root, 'lib64/ld-linux-x86-64.so.2'));
  const circle = await resolveIn(root, [program]);
  t.is(circle.exitCode, 1);
  t.deepEqual(
    circle.first?.missing.map(({ name }) => name),
    ['/lib64/ld-linux-x86-64.so.2', 'libc.so.6'],
  );
  rmSync(join(root, 'lib64/libc.so.6'));
  writeFileSync(join(root, 'lib64/libc.so.6'), '');
  truncateSync(join(root, 'lib64/libc.so.6'), 1 << 30);
  const zeros = await resolveIn(root, [program]);
  t.is(zeros.exitCode, 1);
  t.deepEqual(zeros.first?.missing.at(-1)?.refused, { path: '/lib64/libc.so.6', reason: 'invalid ELF header' });
});
