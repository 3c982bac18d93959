import { readFileSync } from 'node:fs';
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { mediaTypes } from '../../src/image/descriptor.ts';
import { digestOf } from '../../src/image/digest.ts';
import { type RegistryClientOptions, registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { listen, startReferrersRegistry } from '../lab/registry-server.ts';

/** A real registry, and a proxy before it that counts what is asked for. */
export interface WatchedRegistry {
  /** Of the proxy. */
  readonly host: string;
  /** `METHOD PATH` of each request since the last look. */
  look(): readonly string[];
  /** Answers instead of the registry where it returns true. */
  meddle: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
  stop(): Promise<void>;
}

/** @param program path of the lab's `registry/referrers`. */
export async function watchedRegistry(program: string): Promise<WatchedRegistry> {
  const registry = await startReferrersRegistry(program);
  const [hostname, port] = registry.host.split(':');
  let requests: string[] = [];
  const proxy = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (await watched.meddle(request, response)) {
      return;
    }
    const { method, headers, url } = request;
    const onward = ask({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  const watched: WatchedRegistry = {
    host: await listen(proxy),
    look() {
      const seen = requests;
      requests = [];
      return seen;
    },
    meddle: () => false,
    async stop() {
      proxy.closeAllConnections();
      proxy.close();
      await registry.stop();
    },
  };
  return watched;
}

export interface SmallImage {
  readonly repository: string;
  readonly tag: string;
  /** Path of the program that the image holds as `app`. */
  readonly program: string;
  /** Makes its layer another than that of images with other numbers. */
  readonly number: number;
}

/**
 * Pushes images of one layer and one program each, and gives the digests of their manifests.
 *
 * @param access of a registry that not everybody may write to.
 */
export async function pushSmallImages(
  host: string,
  images: readonly SmallImage[],
  access: Pick<RegistryClientOptions, 'registries' | 'credentials'> = { registries: [], credentials: anonymous },
): Promise<readonly string[]> {
  const client = registryClient({ ...access, environment: {} });
  try {
    return await Promise.all(
      images.map(async ({ repository, tag, program, number }) => {
        const store = client.repository({ registry: host, repository });
        const tar = pack();
        // The same number makes the same bytes, whenever they are made.
        const mtime = new Date(0);
        tar.entry({ name: 'app', mode: 0o755, mtime }, readFileSync(program));
        tar.entry({ name: 'number', mtime }, String(number));
        tar.finalize();
        const layer = await buffer(tar);
        const pushed = await store.pushBlob(layer, mediaTypes.ociLayer);
        const config = JSON.stringify({
          os: 'linux',
          architecture: 'amd64',
          config: { Entrypoint: ['/app'] },
          rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
        });
        const { digest, size } = await store.pushBlob(Buffer.from(config), mediaTypes.ociConfig);
        const manifest = JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.ociManifest,
          config: { mediaType: mediaTypes.ociConfig, digest, size },
          layers: [{ mediaType: mediaTypes.ociLayer, digest: pushed.digest, size: pushed.size }],
        });
        return (await store.pushManifest(Buffer.from(manifest), mediaTypes.ociManifest, tag)).digest;
      }),
    );
  } finally {
    client.close();
  }
}
