import { ElfgateError } from '../errors.ts';
import type { ContentStore, Patience } from '../image/content-store.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { limits } from '../limits.ts';
import { readEnvelope } from './dsse.ts';
import { Rejection } from './rejection.ts';
import { readAnnotations, readBundle, type SignatureMaterial } from './sigstore/material.ts';
import { listOf, objectOf, textOf, untrustedJson } from './untrusted-json.ts';

/** A signature or attestation as it was found, before anything about it is believed. */
export type Attached = {
  /** Digest of the index or manifest that it is attached to. */
  readonly subject: Digest;
  /** Where it was found: a tag, or the digest of a referrer. */
  readonly at: string;
} & (
  | { readonly kind: 'sigstore'; readonly material: SignatureMaterial }
  | { readonly kind: 'notation'; readonly envelope: Buffer }
  /** Something that is meant to be one and cannot be read as such. */
  | { readonly kind: 'damaged'; readonly format: 'cosign' | 'sigstore-bundle' | 'notation'; readonly reason: string }
);

export interface AttachedArtifacts {
  readonly found: readonly Attached[];
  /** Why there may be more than was found; null when everything was read. */
  readonly incomplete: string | null;
}

const artifactTypes = {
  bundle: /^application\/vnd\.dev\.sigstore\.bundle[.+]/,
  cosign: /^application\/vnd\.dev\.cosign\.artifact\.(?:sig|att)\.v1\+json$/,
  notation: /^application\/vnd\.cncf\.notary\.signature$/,
} as const;

/**
 * Finds what is attached to an index or manifest: referrers (by the API of OCI distribution 1.1 or by its fallback tag,
 * which the store knows) and the tags that cosign used before there were referrers.
 *
 * @throws ElfgateError when the store does not answer: nothing can be said about signatures then.
 */
export async function findAttached(
  store: ContentStore,
  subject: Digest,
  patience: Patience,
): Promise<AttachedArtifacts> {
  // None of these waits for another: a registry answers them in the time of the slowest.
  const [referrers, signatures, attestations] = await Promise.all([
    fromReferrers(store, subject, patience),
    fromTag(store, subject, tagFor(subject, 'sig'), patience),
    fromTag(store, subject, tagFor(subject, 'att'), patience),
  ]);
  const count = referrers.count + signatures.length + attestations.length;
  return {
    found: [...referrers.found, ...signatures, ...attestations],
    incomplete:
      count > limits.attachedArtifacts
        ? `${count} signatures and attestations are attached, above the limit of ${limits.attachedArtifacts}`
        : null,
  };
}

/** What refers to the subject and may be a signature or attestation: how many there are, and as many as are read. */
async function fromReferrers(
  store: ContentStore,
  subject: Digest,
  patience: Patience,
): Promise<{ readonly count: number; readonly found: readonly Attached[] }> {
  const referrers = (await store.referrers(subject, null, patience)).filter(({ artifactType }) =>
    Object.values(artifactTypes).some((type) => type.test(artifactType ?? '')),
  );
  const read = await Promise.all(
    referrers
      .slice(0, limits.attachedArtifacts)
      .map(({ digest, artifactType }) => fromReferrer(store, subject, digest, artifactType ?? '', patience)),
  );
  return { count: referrers.length, found: read.flat() };
}

/** Media types of cosign's `attach sbom`, and the predicate types that the same documents have in attestations. */
const documentTypes: Readonly<Record<string, string>> = {
  'text/spdx': 'https://spdx.dev/Document',
  'text/spdx+json': 'https://spdx.dev/Document',
  'text/spdx+xml': 'https://spdx.dev/Document',
  'application/vnd.cyclonedx+json': 'https://cyclonedx.org/bom',
  'application/vnd.cyclonedx+xml': 'https://cyclonedx.org/bom',
};

/** A document that lies under a tag, which no signature binds to the image. */
export interface TaggedDocument {
  readonly subject: Digest;
  readonly at: string;
  /** As attestations of such documents have it; null for a type that none is known for. */
  readonly predicateType: string | null;
}

/**
 * Finds the bill of materials under cosign's `sha256-….sbom` tag. Whoever may push may put any there, and a signature on the
 * document itself would not say which image it is about, hence it is only ever shown.
 *
 * @throws ElfgateError when the store does not answer.
 */
export async function findTaggedDocuments(store: ContentStore, subject: Digest): Promise<readonly TaggedDocument[]> {
  const at = tagFor(subject, 'sbom');
  const manifest = await manifestOfTag(store, at, {});
  try {
    return (manifest === null ? [] : layersOf(manifest))
      .slice(0, limits.attachedArtifacts)
      .map(({ mediaType }) => ({ subject, at, predicateType: documentTypes[mediaType] ?? null }));
  } catch (error) {
    if (error instanceof Rejection) {
      return [{ subject, at, predicateType: null }];
    }
    throw error;
  }
}

async function fromReferrer(
  store: ContentStore,
  subject: Digest,
  digest: Digest,
  artifactType: string,
  patience: Patience,
): Promise<readonly Attached[]> {
  const format = artifactTypes.bundle.test(artifactType)
    ? 'sigstore-bundle'
    : artifactTypes.notation.test(artifactType)
      ? 'notation'
      : 'cosign';
  return reading({ subject, at: digest, format }, async () => {
    const { bytes } = await store.manifest(digest, patience);
    const layers = layersOf(bytes);
    if (format === 'cosign') {
      return layersOfCosign(store, { subject, at: digest }, layers, patience);
    }
    const [layer] = layers;
    if (layer === undefined || layers.length > 1) {
      throw new Rejection(`the artifact has ${layers.length} layers where one is expected`);
    }
    const blob = await blobOf(store, layer, patience);
    if (format === 'sigstore-bundle') {
      return [{ subject, at: digest, kind: 'sigstore', material: readBundle(blob, null) }];
    }
    if (layer.mediaType !== 'application/jose+json') {
      throw new Rejection(
        `signatures of the type ${layer.mediaType.slice(0, 64)} are not read, only application/jose+json`,
      );
    }
    return [{ subject, at: digest, kind: 'notation', envelope: blob }];
  });
}

async function fromTag(
  store: ContentStore,
  subject: Digest,
  tag: string,
  patience: Patience,
): Promise<readonly Attached[]> {
  return reading({ subject, at: tag, format: 'cosign' }, async () => {
    const manifest = await manifestOfTag(store, tag, patience);
    return manifest === null ? [] : layersOfCosign(store, { subject, at: tag }, layersOf(manifest), patience);
  });
}

/** The tag under which cosign puts what belongs to a manifest: `sha256-….sig`. */
function tagFor(subject: Digest, kind: 'sig' | 'att' | 'sbom'): string {
  return `${subject.replace(':', '-')}.${kind}`;
}

/** The bytes of a manifest; null when there is no such tag. */
async function manifestOfTag(store: ContentStore, tag: string, patience: Patience): Promise<Buffer | null> {
  try {
    return (await store.manifest(tag, patience)).bytes;
  } catch (error) {
    if (error instanceof ElfgateError && error.code === 'not-found') {
      return null;
    }
    throw error;
  }
}

async function layersOfCosign(
  store: ContentStore,
  place: Pick<Attached, 'subject' | 'at'>,
  layers: readonly Layer[],
  patience: Patience,
): Promise<readonly Attached[]> {
  const found: Attached[] = [];
  for (const layer of layers.slice(0, limits.attachedArtifacts)) {
    const read = await reading({ ...place, format: 'cosign' }, async () => {
      const blob = await blobOf(store, layer, patience);
      const isEnvelope = layer.mediaType === 'application/vnd.dsse.envelope.v1+json';
      const signed = isEnvelope
        ? ({ kind: 'envelope', envelope: readEnvelope(blob) } as const)
        : ({ kind: 'message', bytes: blob } as const);
      return [{ ...place, kind: 'sigstore', material: readAnnotations(layer.annotations, signed) }];
    });
    found.push(...read);
  }
  return found;
}

/** What is damaged is a finding about one signature; a registry that does not answer leaves everything open. */
async function reading(
  {
    subject,
    at,
    format,
  }: Pick<Attached, 'subject' | 'at'> & { readonly format: 'cosign' | 'sigstore-bundle' | 'notation' },
  read: () => Promise<readonly Attached[]>,
): Promise<readonly Attached[]> {
  const decided: readonly string[] = ['integrity', 'malformed', 'limit', 'not-found'];
  try {
    return await read();
  } catch (error) {
    if (error instanceof Rejection || (error instanceof ElfgateError && decided.includes(error.code))) {
      return [{ subject, at, kind: 'damaged', format, reason: error.message }];
    }
    throw error;
  }
}

interface Layer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}

function layersOf(manifest: Buffer): readonly Layer[] {
  if (manifest.length > limits.attachedManifestBytes) {
    throw new Rejection(
      `the manifest has ${manifest.length} bytes, above the limit of ${limits.attachedManifestBytes}`,
    );
  }
  const document = objectOf(untrustedJson(manifest, 'the manifest'), 'the manifest');
  return listOf(document.layers ?? [], 'the layers of the manifest').map((value) => {
    const layer = objectOf(value, 'a layer of the manifest');
    const annotations = Object.entries(objectOf(layer.annotations ?? {}, 'the annotations of a layer'));
    return {
      mediaType: textOf(layer.mediaType, 'the media type of a layer'),
      digest: textOf(layer.digest, 'the digest of a layer'),
      size: Number(layer.size),
      annotations: Object.fromEntries(annotations.map(([name, text]) => [name, textOf(text, 'an annotation')])),
    };
  });
}

async function blobOf(store: ContentStore, { digest, size }: Layer, patience: Patience): Promise<Buffer> {
  if (!isDigest(digest) || !Number.isSafeInteger(size) || size < 0) {
    throw new Rejection('a layer of the manifest has no valid digest or size');
  }
  return store.blob({ digest, size }, limits.attestationBytes, patience);
}
