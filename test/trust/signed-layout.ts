/** An OCI layout with one image, signed and attested as cosign did it first: everything about it is chosen here. */

import { createHash, sign } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attestedFacts } from '../../src/facts/attested-facts.ts';
import { documentsOf, inspect } from '../../src/facts/inspect.ts';
import { inspectImages } from '../../src/facts/inspect-image.ts';
import type { InspectedTarget } from '../../src/facts/inspected-target.ts';
import type { FactsDocument } from '../../src/facts/schema.ts';
import { trustInspector } from '../../src/facts/trust-inspector.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { preAuthenticationEncoding } from '../../src/trust/dsse.ts';
import { attestedFactsType } from '../../src/trust/predicates/own-predicates.ts';
import { noTrust, type TrustSettings } from '../../src/trust/trust-settings.ts';
import { artifact } from '../lab/lab.ts';
import { type Leaf, leafOf, pemOf, rootAuthority } from './authorities.ts';

/** What is right or wrong about the signer. */
export type SignerKind = 'right' | 'unsigned' | 'wrongly-signed' | 'expired' | 'wrong-identity' | 'wrong-digest';

export interface Claim {
  readonly type: string;
  readonly predicate: unknown;
}

export interface SignedLayoutOptions {
  readonly signer: SignerKind;
  /** Attested by that signer; without any the image itself is signed. */
  readonly claims?: readonly Claim[];
  /** Predicate types that the configuration requires. */
  readonly required?: readonly string[];
  /** Whether the signer is trusted as an inspector as well, and attests what is in the image. */
  readonly attestsFacts?: boolean;
  /** `nowhere` makes it impossible to say whether there are signatures. */
  readonly attached?: 'tags' | 'nowhere';
}

/** The day on which everything is judged, so that what is recorded stays as it is. */
export const judgedAt = new Date('2026-06-01T00:00:00Z');
const validity = { from: new Date('2024-01-01T00:00:00Z'), to: new Date('2124-01-01T00:00:00Z') };
const expired = { from: new Date('2024-01-01T00:00:00Z'), to: new Date('2024-02-01T00:00:00Z') };

/** Facts about such an image, with the directory called `lab/image`. */
export async function trustDocument(options: SignedLayoutOptions): Promise<FactsDocument> {
  const layout = await signedLayout(options);
  const { directory } = layout;
  if (options.attestsFacts === true) {
    const [found] = await inspectLayout(layout);
    layout.attest({ type: attestedFactsType, predicate: attestedFactsOf(found) });
  }
  const [document] = await documentsOf(await inspectLayout(layout));
  return JSON.parse(JSON.stringify(document).replaceAll(`oci:${directory}`, 'lab/image'));
}

async function inspectLayout({ directory, settings }: Awaited<ReturnType<typeof signedLayout>>) {
  const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });
  const access = { platform: null, registries, temporaryDirectory: tmpdir(), store: null };
  const target = { name: `oci:${directory}:1`, role: null };
  const source = { kind: 'oci', directory, select: '1' } as const;
  const inspected = await inspectImages(target, source, { symbols: 'counted', trust: inspectorFor(settings) }, access);
  registries.close();
  return inspected;
}

const revision = 'lab';

function inspectorFor(settings: TrustSettings) {
  return trustInspector({
    choose: () => ({ pattern: 'lab/**', settings }),
    secondVerifier: null,
    revision,
    now: () => judgedAt,
  });
}

function attestedFactsOf(contents: InspectedTarget | undefined) {
  if (contents === undefined) {
    throw new Error('nothing was inspected');
  }
  const { name: _name, role: _role, trust: _trust, ...rest } = contents;
  return attestedFacts(rest, revision, judgedAt);
}

/** Facts about a real file next to a SHA256SUMS that lists its digest, or another one; called `lab/plugin.so`. */
export async function listedFileDocument(digest: 'same' | 'other'): Promise<FactsDocument> {
  const made = await artifact('c/my-api');
  if (!made.available) {
    throw new Error(made.reason);
  }
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-listed-'));
  const file = join(directory, 'plugin.so');
  copyFileSync(made.path, file);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  const listed = digest === 'same' ? sha256 : 'a'.repeat(64);
  writeFileSync(join(directory, 'SHA256SUMS'), `${'b'.repeat(64)}  README\n${listed} *plugin.so\n`);
  const trust = inspectorFor(noTrust);
  const [document] = await inspect([{ name: file, role: null }], { symbols: 'counted', trust });
  return JSON.parse(JSON.stringify(document).replaceAll(directory, 'lab'));
}

/** Makes the layout. */
export async function signedLayout({
  signer,
  claims = [],
  required = [],
  attached = 'tags',
  attestsFacts = false,
}: SignedLayoutOptions) {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-layout-'));
  mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
  const root = await rootAuthority('CN=Lab root, O=Lab, C=DE', undefined, validity);
  const stranger = await rootAuthority('CN=Strange root, O=Elsewhere, C=DE', undefined, validity);
  const alternativeName = {
    type: 'email',
    value: signer === 'wrong-identity' ? 'intern@example.com' : 'release@example.com',
  } as const;
  const leaf = await leafOf(signer === 'wrongly-signed' ? stranger : root, {
    ...(signer === 'expired' ? expired : validity),
    alternativeName,
  });
  const roots = join(directory, 'roots.pem');
  writeFileSync(roots, pemOf(root));
  const blob = (bytes: Buffer) => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(directory, 'blobs', 'sha256', sha256), bytes);
    return { digest: `sha256:${sha256}`, size: bytes.length };
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const manifest = (config: object, layers: readonly object[], annotations?: Record<string, string>) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...blob(
      json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers, annotations }),
    ),
  });
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    ...blob(json({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [] } })),
  };
  const image = manifest(config, []);
  const about = (signer === 'wrong-digest' ? 'b'.repeat(64) : image.digest.slice(7)) as string;
  const index: object[] = [{ ...image, annotations: { 'org.opencontainers.image.ref.name': '1' } }];
  const attach = (suffix: 'sig' | 'att', layers: readonly object[]): void => {
    const tag = `${image.digest.replace(':', '-')}.${suffix}`;
    index.push({
      ...manifest({ mediaType: 'application/vnd.oci.image.config.v1+json', ...blob(json({})) }, layers),
      annotations: { 'org.opencontainers.image.ref.name': tag },
    });
  };
  if (signer !== 'unsigned') {
    attach('sig', [signedPayload(about, leaf, blob)]);
    if (claims.length > 0) {
      attach(
        'att',
        claims.map((claim) => attestedClaim(claim, about, leaf, blob)),
      );
    }
  }
  const writeIndex = (): void =>
    writeFileSync(join(directory, 'index.json'), json({ schemaVersion: 2, manifests: index }));
  writeFileSync(join(directory, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  if (attached === 'nowhere') {
    // A tag whose manifest is gone: nobody can say what was there.
    const lost = {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: `sha256:${'c'.repeat(64)}`,
      size: 2,
    };
    index.push({ ...lost });
  }
  writeIndex();
  const settings: TrustSettings = {
    ...noTrust,
    authorities: [{ name: 'lab', roots, intermediates: null, revocationLists: [] }],
    identities: [{ subject: 'release@example.com' }],
    attestations: required,
    inspectors: null,
  };
  const attest = (claim: Claim): void => {
    attach('att', [attestedClaim(claim, about, leaf, blob)]);
    writeIndex();
  };
  return { directory, settings: attestsFacts ? { ...settings, inspectors: settings } : settings, attest };
}

type Blob = (bytes: Buffer) => { readonly digest: string; readonly size: number };

function signedPayload(digest: string, { certificate, key }: Leaf, blob: Blob): object {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': 'lab' },
        image: { 'docker-manifest-digest': `sha256:${digest}` },
        type: 'cosign container image signature',
      },
      optional: null,
    }),
  );
  return {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    ...blob(payload),
    annotations: {
      'dev.cosignproject.cosign/signature': sign('sha256', payload, key).toString('base64'),
      'dev.sigstore.cosign/certificate': certificate,
    },
  };
}

function attestedClaim({ type, predicate }: Claim, digest: string, { certificate, key }: Leaf, blob: Blob): object {
  const payloadType = 'application/vnd.in-toto+json';
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v0.1',
      predicateType: type,
      subject: [{ name: 'lab', digest: { sha256: digest } }],
      predicate,
    }),
  );
  const signature = sign('sha256', preAuthenticationEncoding(payloadType, payload), key).toString('base64');
  const envelope = { payloadType, payload: payload.toString('base64'), signatures: [{ sig: signature }] };
  return {
    mediaType: 'application/vnd.dsse.envelope.v1+json',
    ...blob(Buffer.from(JSON.stringify(envelope))),
    annotations: { 'dev.cosignproject.cosign/signature': '', 'dev.sigstore.cosign/certificate': certificate },
  };
}
