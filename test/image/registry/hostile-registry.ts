import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mediaTypes } from '../../../src/image/descriptor.ts';
import { digestOf } from '../../../src/image/digest.ts';
import { listen } from '../../lab/registry-server.ts';

/** What a server does with a request; true when it has answered, otherwise the image is served as it should be. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;

/** A server that holds one image, `app:1`, and misbehaves as it is told. There is no such thing to be had elsewhere. */
export interface HostileRegistry {
  readonly host: string;
  /** `METHOD PATH` of each request, and what it had in its Authorization header. */
  readonly requests: readonly { readonly line: string; readonly authorization: string | null }[];
  readonly layer: Buffer;
  readonly layerDigest: string;
  readonly manifest: Buffer;
  stop(): void;
}

export interface Overrides {
  /** Replaces parts of the manifest. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly manifestType?: string;
  readonly layerType?: string;
  readonly layerSize?: number;
  readonly misbehave?: Misbehaviour;
}

export async function hostileRegistry(overrides: Overrides = {}): Promise<HostileRegistry> {
  const layer = Buffer.alloc(300_000, 'layer');
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      config: {},
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    }),
  );
  const mediaType = overrides.manifestType ?? mediaTypes.ociManifest;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
      layers: [
        {
          mediaType: overrides.layerType ?? mediaTypes.ociLayer,
          digest: digestOf(layer),
          size: overrides.layerSize ?? layer.length,
        },
      ],
      ...overrides.manifest,
    }),
  );
  const blobs = new Map([layer, config, manifest].map((bytes) => [digestOf(bytes) as string, bytes]));
  const requests: { line: string; authorization: string | null }[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://hostile.invalid');
    requests.push({
      line: `${request.method} ${url.pathname}`,
      authorization: request.headers.authorization ?? null,
    });
    if (overrides.misbehave?.(request, response, url) === true) {
      return;
    }
    const [, , name, kind, reference = ''] = url.pathname.split('/');
    const bytes = kind === 'manifests' && reference === '1' ? manifest : blobs.get(reference);
    if (name !== 'app' || bytes === undefined) {
      response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN","message":"secret-message"}]}');
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': kind === 'manifests' ? mediaType : 'application/octet-stream',
      'content-length': bytes.length - from,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from));
  });
  const host = await listen(server);
  return {
    host,
    requests,
    layer,
    layerDigest: digestOf(layer),
    manifest,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
