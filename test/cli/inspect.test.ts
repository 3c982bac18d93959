import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { Check } from 'typebox/value';
import { FactsDocument } from '../../src/facts/schema.ts';
import { artifacts } from '../lab/lab.ts';
import { emptyDirectory, runCli } from './run-cli.ts';

const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

test('one target gives one document that follows the published schema', async (t) => {
  const { exitCode, stdout, stderr } = await runCli(['inspect', process.execPath, '-o', 'json']);
  t.is(exitCode, 0);
  t.is(stderr, '');
  const document = JSON.parse(stdout);
  t.true(Check(FactsDocument, document));
  t.is(document.schemaVersion, 'elfgate.dev/facts/v1');
  t.is(document.subject.kind, 'file');
  t.is(document.binaries[0].format, 'elf');
});

test('several targets give a list of documents in their order', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['go/host', 'go/plugin', 'root/debian-like']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const paths = [lab.path['go/host'], lab.path['go/plugin'], lab.path['root/debian-like']];
  const { exitCode, stdout } = await runCli(['inspect', ...paths, '-o', 'json', '--symbols']);
  t.is(exitCode, 0);
  const { targets } = JSON.parse(stdout);
  t.deepEqual(
    targets.map(({ subject }: { subject: { name: string } }) => subject.name),
    paths,
  );
  for (const document of targets) {
    t.true(Check(FactsDocument, document));
  }
  const [, plugin, root] = targets;
  t.deepEqual(plugin.binaries[0].go.plugin.exports.includes('Greet'), true);
  t.true(plugin.binaries[0].elf.imports.length === plugin.binaries[0].elf.importCount);
  t.true(plugin.binaries[0].elf.exports.length === plugin.binaries[0].elf.exportCount);
  t.is(root.subject.kind, 'directory');
  t.is(root.root.libc.kind, 'glibc');
  t.regex(root.root.libc.version, /^2\.\d+$/);
});

test('text names what a reader looks for first, without colour when nobody watches', async (t) => {
  const { exitCode, stdout } = await runCli(['inspect', process.execPath]);
  t.is(exitCode, 0);
  t.regex(stdout, /64-bit little-endian/);
  t.regex(stdout, /c library\s+glibc, dynamic/);
  t.false(stdout.includes('\x1b['));
});

const wrong: readonly (readonly [title: string, content: Buffer | null, expected: RegExp])[] = [
  ['a missing file', null, /cannot decide\[unreadable\].*there is no such file/],
  ['an empty file', Buffer.alloc(0), /cannot decide\[unsupported-format\].*offset 0x0: the file is empty/],
  ['a text file', Buffer.from('hello world, this is text\n'), /cannot decide\[unsupported-format\].*neither an ELF/],
  ['a file of zeros', Buffer.alloc(4096), /cannot decide\[unsupported-format\]/],
  [
    'the first bytes of a program',
    readFileSync(process.execPath).subarray(0, 200),
    /cannot decide\[malformed\].*offset 0x[0-9a-f]+: /,
  ],
];

for (const [title, content, expected] of wrong) {
  test(`${title}: a sentence with path and offset, exit 2, nothing on standard output`, async (t) => {
    const directory = emptyDirectory();
    const file = join(directory, 'wrong');
    if (content !== null) {
      writeFileSync(file, content);
    }
    for (const command of ['inspect', 'check']) {
      const { exitCode, stdout, stderr } = await runCli([command, file, process.execPath, '-o', 'json']);
      t.is(exitCode, 2, command);
      t.is(stdout, '', command);
      t.regex(stderr, expected, command);
      t.true(stderr.includes(file), command);
    }
  });
}

test('a damaged file of a directory does not hide the others, and still makes the exit code 2', async (t) => {
  const directory = emptyDirectory();
  mkdirSync(join(directory, 'bin'));
  copyFileSync(process.execPath, join(directory, 'bin', 'good'));
  writeFileSync(join(directory, 'bin', 'cut-short'), readFileSync(process.execPath).subarray(0, 4096));
  writeFileSync(join(directory, 'notes.txt'), 'text is no binary and no problem');
  const { exitCode, stdout, stderr } = await runCli(['inspect', directory, '-o', 'json']);
  t.is(exitCode, 2);
  const document = JSON.parse(stdout);
  t.deepEqual(
    document.binaries.map(({ path }: { path: string }) => path),
    ['bin/good'],
  );
  t.is(document.problems[0].path, 'bin/cut-short');
  t.is(document.problems[0].code, 'malformed');
  t.regex(stderr, /bin\/cut-short: offset 0x/);
});

test('an entry that may not be read is a problem of its directory', async (t) => {
  if (process.getuid?.() === 0) {
    t.log('not run: the superuser may read everything');
    return t.pass();
  }
  const directory = emptyDirectory();
  mkdirSync(join(directory, 'closed'));
  chmodSync(join(directory, 'closed'), 0);
  const { exitCode, stderr } = await runCli(['inspect', directory, '-o', 'json']);
  chmodSync(join(directory, 'closed'), 0o700);
  t.is(exitCode, 2);
  t.regex(stderr, /closed: directory cannot be listed \(EACCES\)/);
});

test('links that lead out of a directory are not followed', async (t) => {
  const directory = emptyDirectory();
  const { symlinkSync } = await import('node:fs');
  symlinkSync(process.execPath, join(directory, 'node'));
  symlinkSync('..', join(directory, 'loop'));
  const { exitCode, stdout } = await runCli(['inspect', directory, '-o', 'json']);
  t.is(exitCode, 0);
  t.deepEqual(JSON.parse(stdout).binaries, []);
});

test('the output can go to a file', async (t) => {
  const directory = emptyDirectory();
  const file = join(directory, 'facts.json');
  const { exitCode, stdout } = await runCli(['inspect', process.execPath, '-o', 'json', '--output-file', file]);
  t.is(exitCode, 0);
  t.is(stdout, '');
  t.is(JSON.parse(readFileSync(file, 'utf8')).binaries.length, 1);
});

test('two runs print the same bytes', async (t) => {
  const [first, second] = await Promise.all([
    runCli(['inspect', process.execPath, '-o', 'json', '--symbols']),
    runCli(['inspect', process.execPath, '-o', 'json', '--symbols']),
  ]);
  t.is(first.stdout, second.stdout);
});

test('a reader who stops early ends nothing with an error', async (t) => {
  const child = spawn(process.execPath, [main, 'inspect', process.execPath, '--symbols', '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const exitCode = await new Promise((resolve) => {
    child.on('close', resolve);
  });
  t.is(stderr, '');
  t.is(exitCode, 0);
});

test('a reader who is slow gets all of both outputs', async (t) => {
  const directory = emptyDirectory();
  const damaged = 4_000;
  const truncated = readFileSync(process.execPath).subarray(0, 1_000);
  for (let index = 0; index < damaged; index++) {
    writeFileSync(join(directory, `damaged-${index}`), truncated);
  }
  const child = spawn(process.execPath, [main, 'inspect', directory, '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => {
    child.on('exit', resolve);
  });
  // Time in which a program that did not wait would be gone.
  const first = await Promise.race([exited, setTimeout(5_000, 'waits for its reader')]);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  t.is(first, 'waits for its reader');
  t.is(JSON.parse(stdout).problems.length, damaged);
  t.is(stderr.match(/^.*damaged-\d+.*$/gm)?.length, damaged);
  t.is(await exited, 2);
});
