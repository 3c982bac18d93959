/** Makes images of files and pushes them to a registry. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { mediaTypes } from '../../src/image/descriptor.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import type { SecuredRegistry } from './registry-server.ts';

/** Files by their path in the image; the value is a file of this machine, or the bytes themselves. */
export type ImageContent = Readonly<Record<string, string | Buffer>>;

/**
 * Pushes an image of one layer for linux/amd64 under a tag, and gives its digest.
 *
 * @param secured who may push, where the registry asks for that.
 */
export async function pushImage(
  host: string,
  repository: string,
  tag: string,
  files: ImageContent,
  secured: Pick<SecuredRegistry, 'username' | 'password' | 'ca'> | null = null,
): Promise<string> {
  const client = registryClient({
    registries: [{ host, plainHttp: secured === null, ca: secured?.ca ?? null, mirrors: [] }],
    credentials:
      secured === null
        ? anonymous
        : {
            credentialsFor: async () => ({
              kind: 'password',
              username: secured.username,
              password: secured.password,
            }),
          },
    environment: {},
  });
  try {
    const store = client.repository({ registry: host, repository });
    const archive = await tarOf(files);
    const layer = await store.pushBlob(gzipSync(archive, { level: 1 }), `${mediaTypes.ociLayer}+gzip`);
    const config = await store.pushBlob(
      Buffer.from(
        JSON.stringify({
          os: 'linux',
          architecture: 'amd64',
          config: { Entrypoint: [`/${Object.keys(files)[0]}`] },
          rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(archive).digest('hex')}`] },
        }),
      ),
      mediaTypes.ociConfig,
    );
    const place = ({ mediaType, digest, size }: typeof layer) => ({ mediaType, digest, size });
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: place(config),
      layers: [place(layer)],
    };
    const pushed = await store.pushManifest(Buffer.from(JSON.stringify(manifest)), mediaTypes.ociManifest, tag);
    return pushed.digest;
  } finally {
    client.close();
  }
}

async function tarOf(files: ImageContent): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  archive.on('data', (chunk) => chunks.push(chunk as Buffer));
  const ended = new Promise<void>((resolve) => archive.on('end', resolve));
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? readFileSync(content) : content;
    await new Promise<void>((resolve, reject) => {
      archive.entry({ name, mode: 0o755, mtime: new Date(0) }, bytes, (error) => (error ? reject(error) : resolve()));
    });
  }
  archive.finalize();
  await ended;
  return Buffer.concat(chunks);
}
