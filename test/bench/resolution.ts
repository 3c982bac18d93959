import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryTree } from '../../src/image/directory.ts';
import { LibraryShelf } from '../../src/loader/library-closure/library-shelf.ts';
import { findElfFiles } from '../conformance/elf-files.ts';
import { nativeFiles } from '../conformance/ldd.ts';
import { artifacts } from '../lab/lab.ts';
import { type Command, inTurn } from './processes.ts';
import { promise } from './promises.ts';

/** Libraries of every program and library of a Debian root, against ldd in the same root and on the same files. */
const checkout = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const published = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.cjs');

function notMeasured(reason: string): never {
  process.stderr.write(`not measured: ${reason}\n`);
  process.exit(2);
}

const lab = await artifacts(['debian/bookworm']);
if (!lab.available) {
  notMeasured(lab.reason);
}
const root = lab.path['debian/bookworm'];
// ldd runs the loader of a file, so that it has to be in that root; a user namespace does where nobody is root.
const inside: Command =
  process.getuid?.() === 0 ? ['chroot', root] : ['unshare', '--map-root-user', '--root', root, '--'];
const [enter, ...arguments_] = inside;
if (spawnSync(enter, [...arguments_, 'ldd', '/bin/true']).status !== 0) {
  notMeasured(`${inside.join(' ')} ldd: not permitted on this machine`);
}
const found = findElfFiles([join(root, 'usr')]).map(({ path }) => path.slice(root.length));
const files = nativeFiles(found, new LibraryShelf(directoryTree(root)));
const out = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
const resolve = [
  process.execPath,
  existsSync(published) ? published : checkout,
  ...['resolve', '--root', root, '-o', 'json', '--output-file', join(out, 'resolved.json')],
  ...files.map((file) => join(root, file)),
] as const;
const [ours, theirs, bound] = await inTurn(
  [resolve, [...inside, 'ldd', ...files], [...inside, 'ldd', '-r', ...files]],
  2,
);
rmSync(out, { recursive: true, force: true });

if (ours !== undefined && theirs !== undefined && bound !== undefined) {
  const against = (what: string, peer: typeof theirs): void =>
    promise(
      `resolve ${files.length} files of a Debian root against ${what}`,
      `${(ours.best / 1000).toFixed(2)} s against ${(peer.best / 1000).toFixed(2)} s: ${(ours.best / peer.best).toFixed(2)} ×`,
      `faster than ${what}`,
      ours.best < peer.best,
    );
  against('ldd, which binds nothing', theirs);
  against('ldd -r, which binds as it does', bound);
}
