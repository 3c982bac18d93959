import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { emptyDirectory } from '../../cli/run-cli.ts';
import {
  archive,
  binary,
  contentOf,
  endOfArchive,
  filesOf,
  header,
  madeImage,
  sealed,
  sha256Of,
  treeOf,
} from './made-image.ts';

test('a later layer replaces, hides and adds; which layer a file came from is known', async (t) => {
  const tree = await treeOf(
    madeImage(
      await archive(
        ['usr/bin/old', binary('old')],
        ['usr/bin/kept', binary('kept')],
        ['usr/lib/a.so', binary('a0')],
        ['opt/app/x', binary('x')],
        ['opt/app/deep/y', binary('y')],
      ),
      await archive(['usr/bin/.wh.old', ''], ['usr/lib/a.so', binary('a1')], ['opt/app/.wh..wh..opq', '']),
      await archive(['opt/app/z', binary('z')]),
    ),
  );
  t.deepEqual(filesOf(tree), ['opt/app/z layer 2', 'usr/bin/kept layer 0', 'usr/lib/a.so layer 1']);
  t.deepEqual(contentOf(tree, 'usr/lib/a.so'), binary('a1'));
  t.is(tree.resolve('usr/bin/old'), null);
  tree.close();
});

test('whiteouts hide what lies below and nothing of their own layer, wherever they stand in the archive', async (t) => {
  const lower = await archive(['d/old', binary('old')], ['e', binary('e0')]);
  for (const upper of [
    await archive(['d/new', binary('new')], ['d/.wh..wh..opq', ''], ['e', binary('e1')], ['.wh.e', '']),
    await archive(['.wh.e', ''], ['d/.wh..wh..opq', ''], ['d/new', binary('new')], ['e', binary('e1')]),
  ]) {
    const tree = await treeOf(madeImage(lower, upper));
    t.deepEqual(filesOf(tree), ['d/new layer 1', 'e layer 1']);
    t.deepEqual(contentOf(tree, 'e'), binary('e1'));
    tree.close();
  }
});

test('a layer that hides a file and a later one that adds it again leave the last one', async (t) => {
  const tree = await treeOf(
    madeImage(
      await archive(['lib/x.so', binary('first')]),
      await archive({ name: 'lib/.wh.x.so' }),
      await archive(['lib/x.so', binary('again')]),
    ),
  );
  t.deepEqual(filesOf(tree), ['lib/x.so layer 2']);
  t.deepEqual(contentOf(tree, 'lib/x.so'), binary('again'));
  tree.close();
});

test('books that AUFS kept in layers are no files', async (t) => {
  const tree = await treeOf(madeImage(await archive(['.wh..wh.plnk/1.2', binary('x')], ['.wh..wh.aufs', ''])));
  t.deepEqual(filesOf(tree), []);
  tree.close();
});

test('of two entries with one name the last counts', async (t) => {
  const tree = await treeOf(madeImage(await archive(['a', binary('one')], ['a', binary('two')])));
  t.deepEqual(contentOf(tree, 'a'), binary('two'));
  tree.close();
});

test('a hard link is the same file under another name, also one of a lower layer', async (t) => {
  const tree = await treeOf(
    madeImage(
      await archive(['bin/busybox', binary('busybox')], { name: 'bin/sh', type: 'link', linkname: 'bin/busybox' }),
      await archive({ name: 'bin/ls', type: 'link', linkname: '/bin/busybox' }),
    ),
  );
  t.deepEqual(filesOf(tree), ['bin/busybox layer 0', 'bin/ls layer 1', 'bin/sh layer 0']);
  t.deepEqual(contentOf(tree, 'bin/ls'), binary('busybox'));
  tree.close();
});

test('symbolic links are followed inside the root only, and loops lead nowhere', async (t) => {
  const tree = await treeOf(
    madeImage(
      await archive(
        ['usr/lib/libc.so.6', binary('libc')],
        { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
        { name: 'above', type: 'symlink', linkname: '../../../../usr/lib' },
        { name: 'absolute', type: 'symlink', linkname: '/usr/lib/libc.so.6' },
        { name: 'loop', type: 'symlink', linkname: 'loop' },
        { name: 'there', type: 'symlink', linkname: 'back' },
        { name: 'back', type: 'symlink', linkname: 'there' },
        { name: 'dangling', type: 'symlink', linkname: '/etc/shadow' },
        { name: 'slash', type: 'symlink', linkname: 'usr/lib/libc.so.6/' },
      ),
    ),
  );
  for (const path of ['lib/libc.so.6', 'above/libc.so.6', 'absolute', '/lib/../../absolute', '../../absolute']) {
    t.deepEqual(tree.resolve(path), { path: 'usr/lib/libc.so.6', kind: 'file', mode: 0o644 }, path);
  }
  // The last ones say that the file is a directory.
  const asDirectory = ['usr/lib/libc.so.6/', 'usr/lib/libc.so.6/.', 'absolute/', 'slash'];
  for (const path of ['loop', 'there/x', 'dangling', 'absolute/x', 'lib/../absolute', ...asDirectory]) {
    t.is(tree.resolve(path), null, path);
  }
  tree.close();
});

test('an entry below a linked directory goes to where the link leads', async (t) => {
  const tree = await treeOf(
    madeImage(
      await archive({ name: 'usr/lib', type: 'directory' }, { name: 'lib', type: 'symlink', linkname: 'usr/lib' }),
      await archive(['lib/new.so', binary('new')]),
      await archive({ name: 'lib/.wh.new.so' }, ['lib/newer.so', binary('newer')]),
    ),
  );
  t.deepEqual(filesOf(tree), ['usr/lib/newer.so layer 2']);
  tree.close();
});

test('devices and pipes are there and are no files', async (t) => {
  const tree = await treeOf(
    madeImage(
      await archive(
        { name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3 },
        { name: 'pipe', type: 'fifo' },
      ),
    ),
  );
  t.deepEqual(filesOf(tree), []);
  t.is(tree.resolve('dev/null')?.kind, 'other');
  t.is(tree.resolve('pipe')?.kind, 'other');
  tree.close();
});

test('gzip, zstd and plain layers hold the same, whatever their media types say', async (t) => {
  const bytes = await archive(['bin/x', binary('x', 300_000)], ['etc/nsswitch.conf', 'hosts: files dns\n']);
  const halves = [bytes.subarray(0, 1_000), bytes.subarray(1_000)] as const;
  for (const stored of [
    bytes,
    gzipSync(bytes),
    zstdCompressSync(bytes),
    // Several members one after the other, as pigz and zstd write them.
    Buffer.concat(halves.map((half) => gzipSync(half))),
    Buffer.concat(halves.map((half) => zstdCompressSync(half))),
  ]) {
    const tree = await treeOf(
      madeImage({ bytes: stored, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' }),
    );
    t.deepEqual(filesOf(tree), ['bin/x layer 0', 'etc/nsswitch.conf layer 0']);
    t.is(sha256Of(contentOf(tree, 'bin/x')), sha256Of(binary('x', 300_000)));
    t.is(contentOf(tree, 'etc/nsswitch.conf').toString(), 'hosts: files dns\n');
    tree.close();
  }
});

test('what is neither a binary nor read by name keeps its size and first bytes only', async (t) => {
  const tree = await treeOf(madeImage(await archive(['usr/lib/libc.so', '/* GNU ld script */'], ['empty', ''])));
  const source = tree.open('usr/lib/libc.so');
  t.is(source.size, 19);
  t.is(source.read(0, 8).toString(), '/* GNU l');
  t.throws(() => source.read(0, 19), { code: 'unreadable', message: /usr\/lib\/libc\.so: is no binary/ });
  t.is(tree.contentOf('usr/lib/libc.so'), null);
  tree.close();
});

test('large files go to a temporary file that has no name, and nothing stays behind', async (t) => {
  const temporaryDirectory = emptyDirectory();
  const large = binary('large', 3_000_000);
  large.write('the end', 2_999_990);
  const tree = await treeOf(madeImage(await archive(['large', large], ['small', binary('small')])), {
    temporaryDirectory,
  });
  t.deepEqual(readdirSync(temporaryDirectory), []);
  t.is(sha256Of(contentOf(tree, 'large')), sha256Of(large));
  tree.close();
  t.throws(() => contentOf(tree, 'large'), { code: 'unreadable' });
});

test('GNU tar: long names, sparse files of every format, and names that are no UTF-8', async (t) => {
  const directory = emptyDirectory();
  const root = join(directory, 'root');
  const long = `${'long-directory-name/'.repeat(10)}${'n'.repeat(120)}`;
  mkdirSync(join(root, long, '..'), { recursive: true });
  writeFileSync(join(root, long), binary('long'));
  const latin = Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]);
  writeFileSync(latin, binary('latin'));
  // Pieces with holes between them, more than fit into one header.
  const sparse = join(root, 'sparse');
  writeFileSync(sparse, binary('sparse', 4_096));
  truncateSync(sparse, 4_000_000);
  const { openSync, writeSync, closeSync } = await import('node:fs');
  const descriptor = openSync(sparse, 'r+');
  for (let piece = 1; piece <= 30; piece++) {
    writeSync(descriptor, Buffer.alloc(4_096, piece), 0, 4_096, piece * 131_072);
  }
  closeSync(descriptor);
  const expected = sha256Of(readFileSync(sparse));
  for (const format of [
    ['--format=gnu', '--sparse'],
    ['--format=posix', '--sparse', '--sparse-version=0.0'],
    ['--format=posix', '--sparse', '--sparse-version=0.1'],
    ['--format=posix', '--sparse', '--sparse-version=1.0'],
    ['--format=gnu'],
    ['--format=posix'],
  ]) {
    const bytes = execFileSync('tar', ['-C', root, '-cf', '-', ...format, '.'], { maxBuffer: 64 << 20 });
    const tree = await treeOf(madeImage(bytes));
    t.deepEqual(filesOf(tree), ['caf\\xe9 layer 0', `${long} layer 0`, 'sparse layer 0'], format.join(' '));
    t.is(sha256Of(contentOf(tree, 'sparse')), expected, format.join(' '));
    tree.close();
  }
});

test('archives of before ustar, and sizes in binary', async (t) => {
  const old = Buffer.alloc(512);
  old.write('old/', 0);
  old.write('0000755\0', 100);
  old.write('00000000000\0', 124);
  const large = header('large', { size: 64 });
  large[124] = 0x80;
  large.fill(0, 125, 135);
  large[135] = 64;
  const tree = await treeOf(
    madeImage(
      Buffer.concat([sealed(old), sealed(large), Buffer.concat([binary('x'), Buffer.alloc(448)]), endOfArchive]),
    ),
  );
  t.deepEqual(filesOf(tree), ['large layer 0']);
  t.is(tree.resolve('old')?.kind, 'directory');
  tree.close();
});
