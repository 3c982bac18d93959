import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { inspectDirectory } from '../../src/facts/inspect-directory.ts';
import type { InspectedContents } from '../../src/facts/inspected-target.ts';
import { diskStore } from '../../src/facts/store/disk-store.ts';
import { type FactsStore, storesInOrder } from '../../src/facts/store/facts-store.ts';
import { memoryStore } from '../../src/facts/store/memory-store.ts';
import { encodeContents } from '../../src/facts/store/stored-contents.ts';
import { digestOf } from '../../src/image/digest.ts';
import { emptyDirectory } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';

const subjectOf = (number: number) => ({ digest: digestOf(Buffer.from(`image ${number}`)), store: null });

/** What was found in a root with a plugin host, as it would be found in an image; null where there is no lab. */
async function contentsOf(t: ExecutionContext): Promise<InspectedContents | null> {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['go/host', 'root/scratch']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return null;
  }
  const {
    name: _name,
    role: _role,
    ...contents
  } = inspectDirectory({ name: lab.path['root/scratch'], role: null }, { symbols: 'counted' });
  return { ...contents, kind: 'image', tree: null };
}

function openStore(directory: string, more: { revision?: string; mostBytes?: number; now?: () => number } = {}) {
  return diskStore({ directory, revision: 'test', now: () => Date.now(), ...more });
}

/** Facts as they come back: without what is open files only. */
function plain(contents: InspectedContents | null): unknown {
  return contents === null
    ? null
    : { ...contents, binaries: contents.binaries.map(({ facts, hashes }) => ({ facts, hashes })) };
}

const kinds: readonly (readonly [kind: string, open: () => FactsStore])[] = [
  ['memory', () => memoryStore(1_000_000)],
  ['disk', () => openStore(emptyDirectory())],
  ['memory before disk', () => storesInOrder([memoryStore(1_000_000), openStore(emptyDirectory())])],
];

for (const [kind, open] of kinds) {
  test(`${kind}: what is written for a digest is read for it, and for no other`, async (t) => {
    const contents = await contentsOf(t);
    if (contents === null) {
      return t.pass();
    }
    const store = open();
    t.is(await store.read(subjectOf(1)), null);
    await store.write(subjectOf(1), contents, null);
    t.deepEqual(plain(await store.read(subjectOf(1))), plain(contents));
    t.is(await store.read(subjectOf(2)), null);
    store.close();
  });
}

test('a nearer store is given what a farther one knew', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  const [near, far] = [memoryStore(1_000_000), memoryStore(1_000_000)];
  await far.write(subjectOf(1), contents, null);
  t.deepEqual(plain(await storesInOrder([near, far]).read(subjectOf(1))), plain(contents));
  t.deepEqual(plain(await near.read(subjectOf(1))), plain(contents));
});

test('facts of other code, and of a database of another layout, are not read', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  const directory = emptyDirectory();
  const store = openStore(directory);
  await store.write(subjectOf(1), contents, null);
  store.close();
  const other = openStore(directory, { revision: 'later' });
  t.is(await other.read(subjectOf(1)), null);
  other.close();
  const database = new DatabaseSync(join(directory, 'facts.sqlite'));
  database.exec('PRAGMA user_version = 999');
  database.close();
  const anew = openStore(directory);
  t.is(await anew.read(subjectOf(1)), null);
  await anew.write(subjectOf(1), contents, null);
  t.deepEqual(plain(await anew.read(subjectOf(1))), plain(contents));
  anew.close();
});

test('a damaged database is made anew, and damaged facts are found out again', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  for (const damage of [
    (file: string) => writeFileSync(file, 'this is no database'.repeat(1_000)),
    (file: string) => truncateSync(file, 100),
    (file: string) => writeFileSync(file, ''),
  ]) {
    const directory = emptyDirectory();
    const first = openStore(directory);
    await first.write(subjectOf(1), contents, null);
    first.close();
    damage(join(directory, 'facts.sqlite'));
    const second = openStore(directory);
    t.is(await second.read(subjectOf(1)), null);
    await second.write(subjectOf(1), contents, null);
    t.deepEqual(plain(await second.read(subjectOf(1))), plain(contents));
    second.close();
  }
  const directory = emptyDirectory();
  const store = openStore(directory);
  await store.write(subjectOf(1), contents, null);
  const database = new DatabaseSync(join(directory, 'facts.sqlite'));
  database.prepare('UPDATE facts SET contents = ?').run(Buffer.from('no facts'));
  database.close();
  t.is(await store.read(subjectOf(1)), null);
  store.close();
});

test('where no database can be, everything is found out anew and nothing fails', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  const file = join(emptyDirectory(), 'a-file');
  writeFileSync(file, '');
  const store = openStore(join(file, 'below'));
  await store.write(subjectOf(1), contents, null);
  t.is(await store.read(subjectOf(1)), null);
  store.close();
});

test('facts that were not used longest make room for others', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  const room = encodeContents(contents).length * 10.5;
  let now = 0;
  const directory = emptyDirectory();
  const store = openStore(directory, { mostBytes: room, now: () => now });
  for (let number = 0; number < 30; number++) {
    now += 10_000_000;
    await store.write(subjectOf(number), contents, null);
    // The first one stays in use.
    t.not(await store.read(subjectOf(0)), null, `${number}`);
  }
  const kept: number[] = [];
  for (let number = 0; number < 30; number++) {
    if ((await store.read(subjectOf(number))) !== null) {
      kept.push(number);
    }
  }
  t.is(kept[0], 0);
  t.true(kept.length >= 8 && kept.length <= 10, kept.join());
  t.true((kept[1] ?? 0) >= 20);
  store.close();
});

interface Writer {
  readonly written: readonly number[];
  readonly ended: Promise<number | null>;
  kill(): void;
}

function startWriter(directory: string, contentsFile: string, first: number, count: number): Writer {
  const script = join(import.meta.dirname, 'store-writer.ts');
  const child = spawn(process.execPath, [script, directory, contentsFile, String(first), String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const written: number[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    written.push(...lines.map(Number));
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { written, ended, kill: () => child.kill('SIGKILL') };
}

function contentsFileOf(contents: InspectedContents): string {
  const file = join(emptyDirectory(), 'contents');
  writeFileSync(file, encodeContents(contents));
  return file;
}

test('several processes write and read one store at the same time', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  const directory = emptyDirectory();
  const file = contentsFileOf(contents);
  // Two of them write the same images, and all of them want to make the database.
  const writers = [0, 0, 100, 200].map((first) => startWriter(directory, file, first, 100));
  t.deepEqual(await Promise.all(writers.map(({ ended }) => ended)), [0, 0, 0, 0]);
  const store = openStore(directory);
  for (let number = 0; number < 300; number++) {
    const subject = subjectOf(number);
    t.deepEqual(plain(await store.read(subject)), plain({ ...contents, digest: subject.digest }), `${number}`);
  }
  store.close();
});

test('a process that is killed leaves whole facts or none', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  const file = contentsFileOf(contents);
  for (let round = 0; round < 4; round++) {
    const directory = emptyDirectory();
    const writer = startWriter(directory, file, 0, 1_000_000);
    while (writer.written.length < 5 + round * 20) {
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    writer.kill();
    t.is(await writer.ended, null);
    const store = openStore(directory);
    const last = writer.written.at(-1) ?? 0;
    // The one after the last that it told of may be there as well.
    for (let number = 0; number <= last + 1; number++) {
      const subject = subjectOf(number);
      const found = plain(await store.read(subject));
      if (found !== null || number <= last) {
        t.deepEqual(found, plain({ ...contents, digest: subject.digest }), `round ${round}, ${number} of ${last}`);
      }
    }
    await store.write(subjectOf(7_000_000), contents, null);
    t.not(await store.read(subjectOf(7_000_000)), null);
    store.close();
  }
});

test('nobody else on the machine can read the facts', async (t) => {
  const contents = await contentsOf(t);
  if (contents === null) {
    return t.pass();
  }
  const directory = join(emptyDirectory(), 'facts');
  const store = openStore(directory);
  await store.write(subjectOf(1), contents, null);
  store.close();
  t.is(statSync(directory).mode & 0o777, 0o700);
  t.true(readdirSync(directory).includes('facts.sqlite'));
  t.is(readFileSync(join(directory, 'facts.sqlite')).toString('latin1', 0, 15), 'SQLite format 3');
});
