import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { bufferSource, openFile } from '../../src/bytes/byte-source.ts';
import { sha256 } from '../../src/bytes/digest.ts';
import { ElfgateError, FormatError } from '../../src/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'elfgate-bytes-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, bytes: Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}

/** A megabyte in which every stretch of four bytes is another one. */
const counted = Buffer.alloc(1 << 20);
for (let at = 0; at < counted.length; at += 4) {
  counted.writeUInt32BE(at, at);
}

test('a file gives the same bytes as memory, at any offset and length', (t) => {
  const source = openFile(file('counted', counted));
  const memory = bufferSource(counted);
  t.is(source.size, memory.size);
  for (const offset of [0, 1, 65_535, 65_536, 65_537, 500_001, counted.length - 1, counted.length]) {
    for (const length of [0, 1, 2, 65_535, 65_536, 65_537, 200_000]) {
      if (offset + length <= counted.length) {
        t.true(source.read(offset, length).equals(memory.read(offset, length)), `${length} bytes from ${offset}`);
      }
    }
  }
  source.close();
});

test('bytes that were read stay as they are while others are read', (t) => {
  const source = openFile(file('counted-too', counted));
  const kept = source.read(8, 16);
  const copy = Buffer.from(kept);
  for (let offset = 0; offset < counted.length; offset += 4_096) {
    source.read(offset, 16);
  }
  t.true(kept.equals(copy));
  source.close();
});

test('the digest of a file is that of its bytes', (t) => {
  const source = openFile(file('abc', Buffer.from('abc')));
  t.is(sha256(source), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  source.close();
  t.is(sha256(bufferSource(Buffer.alloc(0))), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('a range outside the file is refused with its offset', (t) => {
  const source = openFile(file('ten', Buffer.alloc(10)));
  for (const [offset, length] of [
    [11, 0],
    [0, 11],
    [10, 1],
    [-1, 1],
    [0, -1],
    [0x100000000000, 1],
    [1, 0x100000000000],
    [Number.NaN, 1],
    [0.5, 1],
    [2 ** 60, 2 ** 60],
  ] as const) {
    const memory = t.throws(() => bufferSource(Buffer.alloc(10)).read(offset, length), { instanceOf: FormatError });
    const error = t.throws(() => source.read(offset, length), { instanceOf: FormatError });
    t.is(error?.message, memory?.message);
    t.regex(error?.message ?? '', /^offset 0x[0-9a-f]+: .* lie outside the file of 10 bytes$/);
  }
  source.close();
});

test('a directory, a device and a named pipe are no files, and none of them makes the reader wait', (t) => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  mkdirSync(join(directory, 'folder'));
  for (const path of [join(directory, 'folder'), pipe, '/dev/zero']) {
    t.throws(() => openFile(path), {
      instanceOf: ElfgateError,
      code: 'unreadable',
      message: `${path}: not a regular file`,
    });
  }
});

test('a file that is not there is unreadable', (t) => {
  const path = join(directory, 'absent');
  const error = t.throws(() => openFile(path), { instanceOf: ElfgateError, code: 'unreadable' });
  t.is(error?.message, `${path}: there is no such file or directory`);
});

test('a file that its reader may not read is unreadable', (t) => {
  const path = file('secret', Buffer.from('secret'));
  chmodSync(path, 0o000);
  if (process.getuid?.() !== 0) {
    t.throws(() => openFile(path), { instanceOf: ElfgateError, code: 'unreadable' });
    return;
  }
  // The root user may read everything; somebody else asks for it.
  chmodSync(directory, 0o755);
  const program = `
    import { openFile } from ${JSON.stringify(new URL('../../src/bytes/byte-source.ts', import.meta.url).pathname)};
    process.setuid(65534);
    try { openFile(${JSON.stringify(path)}); } catch (error) { process.stdout.write(error.code + ' ' + error.message); }
  `;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  t.is(said, `unreadable ${path}: cannot be read (EACCES)`);
});

test('a file that shrinks while it is read is refused where it ends', (t) => {
  const path = file('shrinking', counted);
  const source = openFile(path);
  source.read(0, 16);
  truncateSync(path, 100_000);
  const error = t.throws(() => source.read(90_000, 200_000), { instanceOf: FormatError });
  t.is(error?.message, 'offset 0x186a0: the file ends here, although its size said more (it shrank while read)');
  t.throws(() => source.read(1_000_000, 16), { instanceOf: FormatError });
  source.close();
});
