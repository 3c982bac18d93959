import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Header, pack } from 'tar-stream';
import { type Digest, digestOf, verifyingStream } from '../../../src/image/digest.ts';
import { type Image, layerName } from '../../../src/image/image.ts';
import { type ImageTree, type ImageTreeOptions, imageTree } from '../../../src/image/layers/image-tree.ts';
import { emptyDirectory } from '../../cli/run-cli.ts';

export interface MadeLayer {
  readonly bytes: Buffer;
  readonly mediaType?: string;
  /** What the manifest says, where it is not the truth. */
  readonly digest?: Digest;
  readonly size?: number;
}

/** An image whose layers are bytes at hand; what is verified and how is as everywhere. */
export function madeImage(...layers: readonly (Buffer | MadeLayer)[]): Image {
  const made = layers.map((layer): MadeLayer => (Buffer.isBuffer(layer) ? { bytes: layer } : layer));
  return {
    reference: 'made:image',
    digest: digestOf(Buffer.from('made')),
    indexDigest: null,
    platform: { os: 'linux', architecture: 'amd64', variant: null },
    config: {
      platform: { os: 'linux', architecture: 'amd64', variant: null },
      created: null,
      user: '',
      env: [],
      entrypoint: [],
      cmd: [],
      workingDir: '',
      labels: {},
      diffIds: [],
    },
    layers: made.map(({ bytes, mediaType, digest, size }, index) => ({
      index,
      mediaType: mediaType ?? 'application/vnd.oci.image.layer.v1.tar',
      digest: digest ?? digestOf(bytes),
      size: size ?? bytes.length,
      diffId: null,
    })),
    store: null,
    openLayer: async (layer) =>
      Readable.from(piecesOf(made[layer.index]?.bytes ?? Buffer.alloc(0))).compose(
        verifyingStream(layer.digest, layer.size, `made:image: ${layerName(layer)}`),
      ) as Readable,
  };
}

// As from a disk or a network.
function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += 65_536) {
    yield bytes.subarray(offset, offset + 65_536);
  }
}

/** Starts as an ELF file does; its name is the rest, so that files differ. */
export function binary(name: string, size = 64): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write(`\x7fELF\x02\x01\x01\0${name}`, 'latin1');
  return bytes;
}

export type MadeEntry =
  | readonly [name: string, content: Buffer | string]
  | (Partial<Header> & { readonly name: string; readonly content?: Buffer });

/** A tar archive, written by tar-stream. */
export function archive(...entries: readonly MadeEntry[]): Promise<Buffer> {
  const writer = pack();
  for (const entry of entries) {
    if (isPlain(entry)) {
      writer.entry({ name: entry[0] }, Buffer.from(entry[1]));
    } else {
      const { content, ...header } = entry;
      writer.entry(header, content ?? Buffer.alloc(0));
    }
  }
  writer.finalize();
  return buffer(writer);
}

function isPlain(entry: MadeEntry): entry is readonly [string, Buffer | string] {
  return Array.isArray(entry);
}

/** A header block of one's own, for what no writer writes. */
export function header(
  name: string,
  { type = '0', size = 0, link = '' }: { type?: string; size?: number; link?: string } = {},
): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 'latin1');
  block.write('0000755\0', 100, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(link, 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  return sealed(block);
}

/** Writes the checksum of a header block. */
export function sealed(block: Buffer): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export const endOfArchive = Buffer.alloc(1_024);

/** The tree of an image that keeps what starts like an ELF file. */
export function treeOf(image: Image, options: Partial<ImageTreeOptions> = {}): Promise<ImageTree> {
  return imageTree(image, {
    kept: { isBinary: (start) => start.toString('latin1', 0, 4) === '\x7fELF' },
    temporaryDirectory: emptyDirectory(),
    ...options,
  });
}

/** `PATH layer N`, for every file. */
export function filesOf(tree: ImageTree): readonly string[] {
  return [...tree.entries()].map((entry) =>
    entry.kind === 'file' ? `${entry.path} layer ${entry.layer}` : `${entry.path}: ${entry.message}`,
  );
}

/** All bytes of a kept file. */
export function contentOf(tree: ImageTree, path: string): Buffer {
  const source = tree.open(path);
  return source.read(0, source.size);
}

export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
