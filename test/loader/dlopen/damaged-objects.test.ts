import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { directoryTree } from '../../../src/image/directory.ts';
import { LibraryShelf } from '../../../src/loader/library-closure/library-shelf.ts';
import { mutate, type Region, regionsOf } from '../../fuzz/mutation.ts';
import { artifacts } from '../../lab/lab.ts';
import { compareOpenings, everyMode } from './real-openings.ts';

// Libraries whose symbols, names, hash tables and versions lie, opened on paper and then for real: the loader trusts them.
const lying = /symbols|strings|hash|version/;
const files = ['c/versions', 'c/hash-sysv', 'c/unique', 'c/needy-linked', 'c/static-tls', 'c/needy-lazy'] as const;
const each = 8;

test('what lies about its symbols is never said to load when the loader refuses it or dies of it', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['c/dlopen-host', ...files]);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-damaged-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const verdicts = new Map<string, number>();
  for (const name of files) {
    const bytes = readFileSync(lab.path[name]);
    const [first, ...others] = regionsOf(bytes).filter((region: Region) => lying.test(region.name));
    for (let seed = 1; first !== undefined && seed <= each; seed++) {
      const mutation = mutate(bytes, [first, ...others], seed);
      const path = join(directory, `${name.replace('/', '-')}-${seed}.so`);
      writeFileSync(path, mutation.bytes);
      mutation.undo();
      const mode = everyMode[seed % everyMode.length] ?? { scope: 'local', binding: 'now' };
      const [opened] = await compareOpenings(
        lab.path['c/dlopen-host'],
        [path],
        mode,
        new LibraryShelf(directoryTree('/')),
      );
      const verdict = opened?.verdict ?? 'not opened';
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      const isWrong = opened === undefined || (opened.predicted.outcome === 'loads' && verdict === 'disagrees');
      t.false(isWrong, `${name}, seed ${seed}: ${mutation.description}: ${JSON.stringify(opened)}`);
    }
  }
  t.log(JSON.stringify(Object.fromEntries(verdicts)));
});
