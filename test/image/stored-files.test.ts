import {
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import test from 'ava';
import { type OpenFile, openRegular, readStart, streamOf } from '../../src/image/stored-files.ts';

const megabyte = 1_048_576;
const directory = realpathSync(mkdtempSync(join(tmpdir(), 'elfgate-stored-')));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

function written(name: string, bytes: Buffer) {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  const file = openRegular(path);
  if (file === null) {
    throw new Error(`${path} was just written`);
  }
  return file;
}

/** All bytes of a file, once it is closed. */
async function streamed(file: OpenFile): Promise<Buffer> {
  const stream = streamOf(file);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  try {
    return await buffer(stream);
  } finally {
    await closed;
  }
}

/** By name: the number of a closed file is soon that of another one. */
const isOpen = (path: string): boolean =>
  readdirSync('/proc/self/fd').some((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false;
    }
  });

test('a file streams as it is, in whole or in part, and is closed at its end', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 2.5 * megabyte }, (_, index) => index % 251));
  const whole = written('whole', bytes);
  t.true(bytes.equals(await streamed(whole)));
  t.false(isOpen(whole.path));
  const part = { ...written('part', bytes), offset: 3, size: megabyte + 7 };
  t.true(bytes.subarray(3, megabyte + 10).equals(await streamed(part)));
  t.false(isOpen(part.path));
  const empty = written('empty', Buffer.alloc(0));
  t.is((await streamed(empty)).length, 0);
  t.false(isOpen(empty.path));
  const start = { ...written('start', bytes), offset: 250, size: 3 };
  t.deepEqual([...readStart(start, 8)], [250, 0, 1]);
  t.false(isOpen(start.path));
});

test('a stream that nobody wants any more closes its file once nothing is being read', async (t) => {
  const file = written('given-up', Buffer.alloc(2 * megabyte));
  const stream = streamOf(file);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.read();
  stream.destroy();
  t.true(isOpen(file.path), 'a piece is being read');
  await closed;
  t.false(isOpen(file.path));
});

test('a file that shrinks while it is read ends sooner, and one that cannot be read says so', async (t) => {
  const file = written('shrinks', Buffer.alloc(3 * megabyte));
  const stream = streamOf(file);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  let count = 0;
  for await (const piece of stream) {
    count += piece.length;
    truncateSync(file.path, megabyte);
  }
  await closed;
  t.true(count < 3 * megabyte);
  t.false(isOpen(file.path));

  const descriptor = openSync(directory, 'r');
  const unreadable = { path: '/somewhere', descriptor, offset: 0, size: 10 };
  await t.throwsAsync(streamed(unreadable), {
    code: 'unreadable',
    message: '/somewhere: cannot be read (EISDIR)',
  });
  t.false(isOpen(directory));
  const again = openSync(directory, 'r');
  t.throws(() => readStart({ ...unreadable, descriptor: again }, 4), { code: 'unreadable' });
  t.false(isOpen(directory));
});
