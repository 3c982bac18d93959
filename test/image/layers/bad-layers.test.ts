import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { ElfgateError, type ErrorCode } from '../../../src/errors.ts';
import { digestOf } from '../../../src/image/digest.ts';
import type { Image } from '../../../src/image/image.ts';
import { limits } from '../../../src/limits.ts';
import { emptyDirectory } from '../../cli/run-cli.ts';
import { archive, binary, endOfArchive, header, madeImage, sealed, treeOf } from './made-image.ts';

/** The image is refused with an error that names image and layer, and nothing stays in the temporary directory. */
async function refused(t: ExecutionContext, image: Image, code: ErrorCode, message: RegExp): Promise<void> {
  const temporaryDirectory = emptyDirectory();
  const error = await t.throwsAsync(treeOf(image, { temporaryDirectory }), { instanceOf: ElfgateError });
  t.is(error?.code, code, error?.message);
  t.regex(error?.message ?? '', message);
  t.regex(error?.message ?? '', /^made:image: layer \d+ \(sha256:[0-9a-f]{64}\): /);
  t.deepEqual(readdirSync(temporaryDirectory), []);
}

test('bytes that are not those of the digest, also where they cannot be inflated', async (t) => {
  const bytes = gzipSync(await archive(['a', binary('a', 200_000)]));
  const damaged = Buffer.from(bytes);
  damaged[200] = (damaged[200] ?? 0) ^ 0xff;
  const digest = digestOf(bytes);
  for (const layer of [damaged, gzipSync(await archive(['a', binary('b')]))]) {
    await refused(t, madeImage({ bytes: layer, digest, size: layer.length }), 'integrity', /are not those of sha256:/);
  }
});

test('a layer that is longer or shorter than its manifest says', async (t) => {
  const bytes = gzipSync(await archive(['a', binary('a')]));
  await refused(t, madeImage({ bytes, size: bytes.length - 1 }), 'integrity', /promised/);
  await refused(t, madeImage({ bytes, size: bytes.length + 1 }), 'integrity', /promised/);
});

test('compressed bytes that end too early or are damaged, although they are those of the digest', async (t) => {
  const bytes = await archive(['a', randomBytes(300_000)]);
  for (const stored of [gzipSync(bytes), zstdCompressSync(bytes)]) {
    await refused(
      t,
      madeImage(stored.subarray(0, stored.length - 1_000)),
      'malformed',
      /(?:end too early|in the middle of an entry)$/,
    );
  }
  const damaged = gzipSync(bytes);
  damaged.fill(0xff, 100_000, 100_100);
  await refused(t, madeImage(damaged), 'malformed', /cannot be inflated \(Z_DATA_ERROR\)$/);
});

test('archives that end too early, or are none', async (t) => {
  const bytes = await archive(['a', binary('a', 5_000)]);
  await refused(t, madeImage(bytes.subarray(0, 3_000)), 'malformed', /ends in the middle of an entry$/);
  await refused(t, madeImage(Buffer.from('no archive at all'.repeat(100))), 'malformed', /wrong checksum$/);
  const wrong = header('a');
  wrong[0] = 98;
  await refused(t, madeImage(Buffer.concat([wrong, endOfArchive])), 'malformed', /wrong checksum$/);
});

test('media types that are no layers', async (t) => {
  for (const mediaType of [
    'application/vnd.wasm.content.layer.v1+wasm',
    'application/vnd.oci.image.layer.v1.tar+encrypted',
  ]) {
    await refused(t, madeImage({ bytes: endOfArchive, mediaType }), 'unsupported-format', /no layer that can be read$/);
  }
});

test('paths and links that lead out of the root', async (t) => {
  for (const name of ['../outside', 'a/../../outside', './../outside', '/../outside']) {
    await refused(t, madeImage(await archive([name, binary('x')])), 'malformed', /leads out of the root$/);
  }
  await refused(
    t,
    madeImage(await archive({ name: 'a', type: 'link', linkname: '../../etc/passwd' })),
    'malformed',
    /leads out of the root$/,
  );
  await refused(
    t,
    madeImage(await archive({ name: 'a', type: 'link', linkname: 'nowhere' })),
    'malformed',
    /the hard link a names nowhere, which is nowhere$/,
  );
  await refused(
    t,
    madeImage(await archive(['a', 'file'], ['a/b', 'x'])),
    'malformed',
    /lies below a, which is no directory$/,
  );
  await refused(
    t,
    madeImage(await archive({ name: 'a', type: 'symlink', linkname: 'a' }, ['a/b', 'x'])),
    'malformed',
    /lies below a, which is no directory$/,
  );
  for (const name of ['a/.wh.', 'a/.wh..', 'a/.wh...']) {
    await refused(t, madeImage(await archive([name, ''])), 'malformed', /names no entry of its directory$/);
  }
});

test('sparse files whose pieces overlap, lie outside, or are not as long as what is stored', async (t) => {
  const sparse = (pieces: readonly (readonly [number, number])[], real: number, stored: number): Buffer => {
    const block = header('sparse', { type: 'S', size: stored });
    for (const [index, piece] of pieces.entries()) {
      for (const [field, value] of piece.entries()) {
        block.write(`${value.toString(8).padStart(11, '0')} `, 386 + index * 24 + field * 12, 'latin1');
      }
    }
    block.write(`${real.toString(8).padStart(11, '0')} `, 483, 'latin1');
    return Buffer.concat([sealed(block), Buffer.alloc(1_024), endOfArchive]);
  };
  await refused(
    t,
    madeImage(
      sparse(
        [
          [0, 512],
          [256, 512],
        ],
        4_096,
        1_024,
      ),
    ),
    'malformed',
    /overlap/,
  );
  await refused(
    t,
    madeImage(
      sparse(
        [
          [0, 512],
          [4_096, 512],
        ],
        4_096,
        1_024,
      ),
    ),
    'malformed',
    /outside/,
  );
  await refused(t, madeImage(sparse([[0, 512]], 4_096, 1_024)), 'malformed', /not as long/);
});

test('sparse files that are as small as a header, and would fill the disk', async (t) => {
  // A piece that starts like a binary, and a hole of 4 GB behind it.
  const bomb = (name: string): Buffer => {
    const block = header(name, { type: 'S', size: 64 });
    for (const [field, value] of [0, 64].entries()) {
      block.write(`${value.toString(8).padStart(11, '0')} `, 386 + field * 12, 'latin1');
    }
    block.write(`${limits.keptFileBytes.toString(8).padStart(11, '0')} `, 483, 'latin1');
    return Buffer.concat([sealed(block), binary(name), Buffer.alloc(448)]);
  };
  const image = madeImage(gzipSync(Buffer.concat([bomb('a'), bomb('b'), endOfArchive])));
  await refused(t, image, 'limit', /its binaries have holes of more than 268435456 bytes$/);
  // Those that are no binaries cost no space, and time.
  const idle = Buffer.concat(
    Array.from({ length: 16 }, (_, index) => {
      const block = bomb(`${index}`);
      block.fill(0x20, 512, 576);
      return block;
    }),
  );
  await refused(t, madeImage(Buffer.concat([idle, endOfArchive])), 'limit', /sparse files have more than 34359738368/);
});

test('symbolic links that name more than any path can hold', async (t) => {
  const target = 'a/'.repeat(limits.pathBytes);
  const long = Buffer.alloc(Math.ceil(target.length / 512) * 512);
  long.write(target);
  const longLink = header('././@LongLink', { type: 'K', size: target.length });
  await refused(
    t,
    madeImage(Buffer.concat([longLink, long, header('link', { type: '2' }), endOfArchive])),
    'limit',
    /the link link names a path of more than 4096 bytes$/,
  );
});

test('numbers, lengths and names that no archive has', async (t) => {
  const number = header('a');
  number.write('9999999', 124, 'latin1');
  await refused(t, madeImage(sealed(number)), 'malformed', /number that is none$/);
  const negative = header('a');
  negative.fill(0xff, 124, 136);
  await refused(t, madeImage(sealed(negative)), 'malformed', /negative or too large$/);
  const pax = Buffer.alloc(512);
  pax.write('999 path=x\n');
  await refused(
    t,
    madeImage(Buffer.concat([header('x', { type: 'x', size: 11 }), pax, header('a'), endOfArchive])),
    'malformed',
    /record of a wrong length$/,
  );
  await refused(
    t,
    madeImage(header('x', { type: 'x', size: limits.tarExtensionBytes + 1 })),
    'limit',
    /extended header of the tar archive has 1048577 bytes/,
  );
  await refused(t, madeImage(await archive(['x/'.repeat(3_000), ''])), 'limit', /path of more than 4096 bytes$/);
});

test('a binary, or all of them, of more bytes than are kept', async (t) => {
  const large = header('large', { size: 0 });
  large[124] = 0x80;
  large.fill(0, 125, 136);
  large.writeUIntBE(limits.keptFileBytes + 512, 130, 6);
  await refused(
    t,
    madeImage(Buffer.concat([sealed(large), binary('x', 512)])),
    'limit',
    /binary of 4294967808 bytes is larger/,
  );
});

/** A stream as an image's only layer, which is too long to be kept. */
function streamed(make: () => Readable): Image {
  const image = madeImage(endOfArchive);
  return { ...image, openLayer: async () => make() };
}

test('a bomb of zeros is given up long before it is inflated', async (t) => {
  t.timeout(120_000);
  const zeros = header('zeros');
  zeros[124] = 0x80;
  zeros.fill(0, 125, 136);
  zeros.writeUIntBE(8 * 2 ** 30, 130, 6);
  const start = gzipSync(sealed(zeros));
  const piece = gzipSync(Buffer.alloc(1 << 24));
  function* bytes(): Generator<Buffer> {
    yield start;
    for (let pieces = 0; pieces < 512; pieces++) {
      yield piece;
    }
  }
  await refused(
    t,
    streamed(() => Readable.from(bytes())),
    'limit',
    /inflates to more than 200 times its size, which only a zip bomb does$/,
  );
});

test('a layer that inflates to more than any has, however slowly', async (t) => {
  const large = header('large');
  large[124] = 0x80;
  large.fill(0, 125, 136);
  large.writeUIntBE(limits.layerBytes, 130, 6);
  const piece = Buffer.alloc(1 << 26);
  function* bytes(): Generator<Buffer> {
    yield sealed(large);
    for (let count = 0; count <= limits.layerBytes; count += piece.length) {
      yield piece;
    }
  }
  await refused(
    t,
    streamed(() => Readable.from(bytes())),
    'limit',
    /inflates to more than 34359738368 bytes$/,
  );
  large.writeUIntBE(limits.layerBytes + 1, 130, 6);
  await refused(t, madeImage(sealed(large)), 'limit', /large has 34359738369 bytes, more than a layer may have$/);
});

test('ten million entries are given up at the bound', async (t) => {
  t.timeout(120_000);
  const block = Buffer.concat(Array.from({ length: 2_048 }, (_, index) => header(`d/${index}`)));
  function* bytes(): Generator<Buffer> {
    for (let count = 0; count < 10_000_000; count += 2_048) {
      yield block;
    }
  }
  await refused(
    t,
    streamed(() => Readable.from(bytes())),
    'limit',
    /more than 1048576 entries in all$/,
  );
});
