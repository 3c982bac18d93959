/** A webhook in this process, whose images are directories of the lab: what registries add is tested apart. */

import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ImageInspector, InspectedImage } from '../../src/admission/image-facts.ts';
import { ElfgateError } from '../../src/errors.ts';
import { inspectDirectory } from '../../src/facts/inspect-directory.ts';
import type { Digest } from '../../src/image/digest.ts';
import { formatReference } from '../../src/image/reference.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { jsonLog } from '../../webhook/decision-log.ts';
import { startWebhook, type Webhook, type WebhookOptions } from '../../webhook/webhook.ts';
import { checkoutPolicies } from '../policies/judge-case.ts';

/** An image by its files: where they are in it, and where on this machine. */
export type ImageFiles = Readonly<Record<string, string>>;

/** An inspector that knows some images, counts how often each is inspected, and can be slow. */
export interface KnownImages extends ImageInspector {
  readonly inspected: Map<string, number>;
  readonly resolved: Map<string, number>;
  /** Milliseconds that each inspection takes. */
  delay: number;
  digestOf(reference: string): Digest;
}

export function knownImages(images: Readonly<Record<string, ImageFiles>>): KnownImages {
  const byDigest = new Map<Digest, ImageFiles>();
  const digests = new Map<string, Digest>();
  for (const [reference, files] of Object.entries(images)) {
    const digest: Digest = `sha256:${createHash('sha256').update(reference).digest('hex')}`;
    digests.set(reference, digest);
    byDigest.set(digest, files);
  }
  const inspected = new Map<string, number>();
  const resolved = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string): void => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  const known: KnownImages = {
    inspected,
    resolved,
    delay: 0,
    digestOf(reference) {
      const digest = digests.get(reference);
      if (digest === undefined) {
        throw new Error(`${reference} is not among the images`);
      }
      return digest;
    },
    async resolve(reference) {
      const name = formatReference({ ...reference, digest: null });
      count(resolved, name);
      const digest = digests.get(name);
      if (digest === undefined) {
        throw new ElfgateError('not-found', `${name}: there is no such image`);
      }
      return digest;
    },
    async inspect({ digest }) {
      count(inspected, digest);
      await new Promise((resolve) => setTimeout(resolve, known.delay));
      const files = byDigest.get(digest);
      if (files === undefined) {
        throw new ElfgateError('not-found', `${digest}: there is no such image`);
      }
      return imageOf(digest, files);
    },
    withTrust: async (image) => image,
  };
  return known;
}

function imageOf(digest: Digest, files: ImageFiles): InspectedImage {
  const root = mkdtempSync(join(tmpdir(), 'elfgate-image-'));
  for (const [path, file] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(file, join(root, path));
  }
  const {
    name: _name,
    role: _role,
    ...contents
  } = inspectDirectory({ name: root, role: null }, { symbols: 'counted' });
  return { digest, platforms: [{ architecture: 'amd64', contents: { ...contents, kind: 'image', digest } }] };
}

export interface StartedWebhook extends Webhook {
  readonly url: string;
  /** Records of the log so far. */
  readonly records: Record<string, unknown>[];
}

/** Starts a webhook on a free port of loopback, over plain HTTP unless told otherwise. */
export async function startForTest(
  images: ImageInspector,
  further: Partial<WebhookOptions> = {},
): Promise<StartedWebhook> {
  const records: Record<string, unknown>[] = [];
  const webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    tls: null,
    configurationFile: null,
    loadPolicies: () => checkoutPolicies(),
    inspectorFor: () => images,
    credentialsFor: () => anonymous,
    kept: null,
    log: jsonLog('debug', { write: (line) => void records.push(JSON.parse(line)) }),
    version: '0.0.0',
    traceEndpoint: null,
    nodeProfiles: null,
    threads: 1,
    ...further,
    timing: {
      reloadInterval: 50,
      certificateInterval: 50,
      nodeInterval: 50,
      drainDelay: 0,
      drainTime: 5_000,
      inspectionTime: 60_000,
      ...further.timing,
    },
  });
  const scheme = further.tls == null ? 'http' : 'https';
  return { ...webhook, url: `${scheme}://127.0.0.1:${webhook.port}`, records };
}

/** A CREATE of an object, as an API server asks. */
export function reviewOf(object: object, further: object = {}): object {
  const { apiVersion, kind, metadata } = object as { apiVersion: string; kind: string; metadata?: { name?: string } };
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'b9d9bd4c-0000-4000-8000-000000000001',
      kind: { group, version, kind },
      resource: { group, version, resource: `${kind.toLowerCase()}s` },
      operation: 'CREATE',
      namespace: 'shop',
      name: metadata?.name ?? 'gateway',
      userInfo: { username: 'alice' },
      object,
      oldObject: null,
      dryRun: false,
      ...further,
    },
  };
}

export interface Answer {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  readonly patch?: string;
}

/** Posts a review and gives the response in its answer. */
export async function ask(webhook: Pick<StartedWebhook, 'url'>, path: string, review: object): Promise<Answer> {
  const response = await fetch(`${webhook.url}${path}`, { method: 'POST', body: JSON.stringify(review) });
  if (response.status !== 200) {
    throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }
  const { response: answer } = (await response.json()) as { response: Answer };
  return answer;
}

/** A pod with a host, and the plugins of another image mounted into it. */
export function podOf(host: string, plugin: string | null, further: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'gateway', namespace: 'shop' },
    spec: {
      containers: [
        {
          name: 'gateway',
          image: host,
          volumeMounts: plugin === null ? [] : [{ name: 'plugins', mountPath: '/plugins' }],
          securityContext: { allowPrivilegeEscalation: false, seccompProfile: { type: 'RuntimeDefault' } },
        },
      ],
      volumes: plugin === null ? [] : [{ name: 'plugins', image: { reference: plugin, pullPolicy: 'IfNotPresent' } }],
      ...further,
    },
  };
}
