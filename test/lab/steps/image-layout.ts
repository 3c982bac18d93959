/** The step that packs directories into the layers of an image, in an OCI layout. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { ImageLayoutStep } from '../recipe.ts';
import type { Workplace } from './command.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export async function makeImageLayout(step: ImageLayoutStep, place: Workplace): Promise<void> {
  const blobs = join(place.output, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const layers: (Descriptor & { readonly diffId: string })[] = [];
  for (const layer of step.layers) {
    layers.push(await packLayer(place.pathOf(layer), blobs, place));
  }
  const config = writeBlob(blobs, 'application/vnd.oci.image.config.v1+json', {
    os: 'linux',
    architecture: 'amd64',
    config: { Entrypoint: step.entrypoint, Env: step.environment },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = writeBlob(blobs, 'application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ diffId: _diffId, ...descriptor }) => descriptor),
  });
  writeFileSync(join(place.output, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(place.output, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
}

/** GNU tar's archive of a directory, the same for the same files, compressed as docker does it. */
async function packLayer(
  directory: string,
  blobs: string,
  { tools, searchPath }: Workplace,
): Promise<Descriptor & { readonly diffId: string }> {
  const tar = spawn(tools.locate('tar'), ['-C', directory, '-c', '--sort=name', '--numeric-owner', '--mtime=@0', '.'], {
    env: { PATH: searchPath, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    tar.once('error', reject);
    tar.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`tar -C ${directory}: exit ${code}`))));
  });
  const [uncompressed, compressed] = [createHash('sha256'), createHash('sha256')];
  const unfinished = join(blobs, 'unfinished');
  await Promise.all([
    ended,
    pipeline(
      tar.stdout,
      hashing(uncompressed),
      createGzip({ chunkSize: 262_144 }),
      hashing(compressed),
      createWriteStream(unfinished),
    ),
  ]);
  const hash = compressed.digest('hex');
  renameSync(unfinished, join(blobs, hash));
  return {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: `sha256:${hash}`,
    size: statSync(join(blobs, hash)).size,
    diffId: `sha256:${uncompressed.digest('hex')}`,
  };
}

function hashing(hash: ReturnType<typeof createHash>): Transform {
  return new Transform({
    transform(bytes, _encoding, done) {
      hash.update(bytes);
      done(null, bytes);
    },
  });
}

function writeBlob(blobs: string, mediaType: string, value: object): Descriptor {
  const bytes = Buffer.from(JSON.stringify(value));
  const hash = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(blobs, hash), bytes);
  return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
}
