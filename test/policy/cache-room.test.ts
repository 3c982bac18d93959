import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeRoom, noteUse } from '../../src/policy/cache-room.ts';

const hour = 3_600_000;

function cache(
  t: { teardown(end: () => void): void },
  entries: Readonly<Record<string, { bytes: number; hours: number }>>,
) {
  const part = mkdtempSync(join(tmpdir(), 'elfgate-cache-'));
  t.teardown(() => rmSync(part, { recursive: true, force: true }));
  for (const [name, { bytes, hours }] of Object.entries(entries)) {
    const path = join(part, name);
    if (name.endsWith('.tar.gz')) {
      writeFileSync(path, Buffer.alloc(bytes));
    } else {
      mkdirSync(join(path, 'inner'), { recursive: true });
      writeFileSync(join(path, 'inner', 'policy.wasm'), Buffer.alloc(bytes));
    }
    const used = (Date.now() - hours * hour) / 1000;
    utimesSync(path, used, used);
  }
  return (name: string) => join(part, name);
}

const left = (path: (name: string) => string, names: readonly string[]) =>
  names.filter((name) => existsSync(path(name)));

test('what was not used for longest goes first, directories and files alike', (t) => {
  const path = cache(t, {
    newest: { bytes: 100_000, hours: 2 },
    'middle.tar.gz': { bytes: 100_000, hours: 3 },
    older: { bytes: 100_000, hours: 4 },
    oldest: { bytes: 10, hours: 5 },
  });
  const names = ['newest', 'middle.tar.gz', 'older', 'oldest'];
  makeRoom(path('.'), 1_000_000);
  t.deepEqual(left(path, names), names);
  makeRoom(path('.'), 250_000);
  t.deepEqual(left(path, names), ['newest', 'middle.tar.gz']);
});

test('what is used is noted, and stays; what was used within the hour stays in any case', (t) => {
  const path = cache(t, {
    kept: { bytes: 100_000, hours: 9 },
    gone: { bytes: 100_000, hours: 2 },
    recent: { bytes: 900_000, hours: 0.5 },
  });
  const before = statSync(path('recent')).mtimeMs;
  for (const name of ['kept', 'recent']) {
    noteUse(path(name));
  }
  t.true(Date.now() - statSync(path('kept')).mtimeMs < hour);
  t.is(statSync(path('recent')).mtimeMs, before, 'reading hardly ever writes');
  makeRoom(path('.'), 1000);
  t.deepEqual(left(path, ['kept', 'gone', 'recent']), ['kept', 'recent']);
});

test('a cache that is not there, and an entry that is gone, are no failures', (t) => {
  const path = cache(t, {});
  t.notThrows(() => makeRoom(path('absent'), 1));
  t.notThrows(() => noteUse(path('absent')));
});
