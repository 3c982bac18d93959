import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { directoryTree } from '../../../src/image/directory.ts';
import { LibraryShelf } from '../../../src/loader/library-closure/library-shelf.ts';
import { resolveFile } from '../../../src/loader/library-closure/resolution.ts';
import { differences, listingOf } from '../../conformance/ldd.ts';
import { ldd } from '../../conformance/ldd-text.ts';
import { artifacts } from '../../lab/lab.ts';
import { mayChangeRoot } from '../../lab/run.ts';
import { Bench, hasTool } from './scenarios.ts';

const loader = '/lib64/ld-linux-x86-64.so.2';

/** A Debian-like root whose /opt/lab/lib and /srv/lab hold libraries, and that only its ld.so.conf and links name. */
async function rootWithLibraries(): Promise<{ readonly bench: Bench; readonly root: string } | string> {
  const lab = await artifacts(['root/debian-like']);
  if (!lab.available) {
    return lab.reason;
  }
  if (!mayChangeRoot || !hasTool('ldconfig')) {
    return 'changing the root directory needs the root user, and the cache ldconfig';
  }
  const bench = new Bench('gcc');
  const root = bench.path('root');
  cpSync(lab.path['root/debian-like'], root, { recursive: true, verbatimSymlinks: true });
  const inner = 'int inner(void) { return 1; }';
  const plain = bench.library('root/opt/lab/lib/libinner.so.2', inner);
  bench.library('root/opt/lab/lib/glibc-hwcaps/x86-64-v2/libinner.so.2', inner);
  bench.library('root/opt/lab/lib/glibc-hwcaps/x86-64-v4/libinner.so.2', inner);
  bench.library('root/srv/lab/liblinked.so', 'int linked(void) { return 1; }');
  bench.link('root/usr/lib/liblinked.so', '../../../../srv/lab/liblinked.so');
  bench.program('root/usr/bin/main', 'int inner(void), linked(void); int main(void) { return inner() + linked(); }', [
    plain,
    bench.path('root/srv/lab/liblinked.so'),
    '-Wl,-z,lazy',
  ]);
  writeFileSync(join(root, 'etc/ld.so.conf'), '/opt/lab/lib\n');
  mkdirSync(join(root, 'var/cache/ldconfig'), { recursive: true });
  return { bench, root };
}

for (const [cache, format] of [
  ['without a cache', null],
  ['with a cache', 'new'],
  ['with a cache of both formats', 'compat'],
] as const) {
  test(`a root ${cache}: what its own loader lists`, async (t) => {
    t.timeout(600_000);
    const made = await rootWithLibraries();
    if (typeof made === 'string') {
      t.log(`not run: ${made}`);
      t.pass();
      return;
    }
    const { bench, root } = made;
    t.teardown(() => rmSync(bench.directory, { recursive: true, force: true }));
    if (format !== null) {
      execFileSync('ldconfig', ['-X', '-c', format, '-r', root], { stdio: 'ignore' });
    }
    const help = execFileSync('chroot', [root, loader, '--help'], { encoding: 'utf8' });
    const hwcaps = [...help.matchAll(/^ +(x86-64-\S+) \(supported, searched\)$/gm)].map(([, name = '']) => name);
    const theirs = ldd('/usr/bin/main', ['chroot', root, loader, '--list']);
    const file = { name: '/usr/bin/main', place: join(root, 'usr/bin/main'), inRoot: '/usr/bin/main' };
    const ours = listingOf(resolveFile(file, new LibraryShelf(directoryTree(root)), { hwcaps }));
    if (format === null) {
      t.deepEqual(ours.missing, ['libinner.so.2']);
      t.is(theirs.stopped, 'libinner.so.2: cannot open shared object file: No such file or directory');
    } else {
      t.deepEqual(ours.undefinedSymbols, []);
      t.deepEqual(differences(theirs, ours), [], JSON.stringify({ theirs, ours }, null, 2));
    }
    const unaided = listingOf(resolveFile(file, new LibraryShelf(directoryTree(root)), {}));
    t.is(unaided.libraries.includes('libinner.so.2 => /opt/lab/lib/libinner.so.2'), format !== null);
  });
}
