import { dirname, resolve } from 'node:path';
import type { XStatic } from 'typebox/schema';
import {
  isKeyService,
  noTrust,
  type TrustEngine,
  type TrustSettings,
  trustEngines,
} from '../../trust/trust-settings.ts';
import { matchesPattern } from './exceptions.ts';

const text = { type: 'string', minLength: 1 } as const;
const files = { type: 'array', items: text } as const;

const identity = {
  description: 'Whose certificates are accepted: met exactly, or by a pattern that covers the whole text.',
  type: 'object',
  additionalProperties: false,
  properties: {
    subject: { ...text, description: 'Mail address or URI of the signer.' },
    subjectPattern: { ...text, description: "Regular expression in RE2's syntax." },
    issuer: { ...text, description: 'OpenID Connect issuer that vouched for the signer.' },
    issuerPattern: { ...text, description: "Regular expression in RE2's syntax." },
  },
} as const;

const authority = {
  description: "An organisation's own certificate authority.",
  type: 'object',
  additionalProperties: false,
  required: ['name', 'roots'],
  properties: {
    name: { ...text, description: 'Name for messages.' },
    roots: { ...text, description: 'File of root certificates, PEM.' },
    intermediates: { ...text, description: 'File of certificates between them and the signers, PEM.' },
    revocationLists: { ...files, description: 'Files of revocation lists, PEM or DER.' },
  },
} as const;

const trusted = {
  description: 'What is trusted for the images that a pattern matches.',
  type: 'object',
  additionalProperties: false,
  required: ['pattern'],
  properties: {
    pattern: { ...text, description: 'Images; * stands for anything but a slash, ** for anything.' },
    keys: { ...files, description: 'Files of public keys, PEM; several while keys are rotated.' },
    identities: { type: 'array', items: identity },
    trustedRoots: { ...files, description: "Sigstore's trusted root files." },
    authorities: { type: 'array', items: authority },
    notation: {
      description: 'Notary Project: a trust policy and the directory of the trust store.',
      type: 'object',
      additionalProperties: false,
      required: ['policy', 'store'],
      properties: { policy: text, store: text },
    },
    inspectors: {
      description: 'Who may attest what is in these images, so that their layers need not be read.',
      type: 'object',
      additionalProperties: false,
      properties: {
        keys: { ...files, description: 'Files of public keys, PEM.' },
        identities: { type: 'array', items: identity },
      },
    },
    attestations: { ...files, description: 'Predicate types of attestations that every such image must have.' },
  },
} as const;

/** `trust` in `elfgate.yaml`. */
export const trustSchema = {
  description: 'Who is trusted to sign which images. Files are relative to the configuration.',
  type: 'object',
  additionalProperties: false,
  properties: {
    engine: {
      enum: [...trustEngines] as unknown as readonly ['native', 'cosign', 'both'],
      description: 'Who verifies: elfgate, the cosign program, or both, whose answers must agree.',
    },
    images: { type: 'array', items: trusted, description: 'The longest pattern that matches an image decides.' },
  },
} as const;

/** What a user trusts, with nothing left open. */
export interface TrustConfiguration {
  readonly engine: TrustEngine;
  readonly images: readonly { readonly pattern: string; readonly settings: TrustSettings }[];
}

export const defaultTrust: TrustConfiguration = { engine: 'native', images: [] };

/** @param file the configuration, which paths are relative to. */
export function trustConfigurationOf(
  document: XStatic<typeof trustSchema> | undefined,
  file: string,
): TrustConfiguration {
  const path = (name: string): string => resolve(dirname(file), name);
  return {
    engine: document?.engine ?? defaultTrust.engine,
    images: (document?.images ?? []).map((entry) => ({ pattern: entry.pattern, settings: settingsOf(entry, path) })),
  };
}

function settingsOf(
  { keys, identities, trustedRoots, authorities, notation, attestations, inspectors }: XStatic<typeof trusted>,
  path: (name: string) => string,
): TrustSettings {
  const settings: TrustSettings = {
    // Keys in a KMS are no files.
    keys: (keys ?? []).map((key) => (isKeyService(key) ? key : path(key))),
    identities: identities ?? [],
    trustedRoots: (trustedRoots ?? []).map(path),
    authorities: (authorities ?? []).map(({ name, roots, intermediates, revocationLists }) => ({
      name,
      roots: path(roots),
      intermediates: intermediates === undefined ? null : path(intermediates),
      revocationLists: (revocationLists ?? []).map(path),
    })),
    notation: notation === undefined ? null : { policy: path(notation.policy), store: path(notation.store) },
    attestations: attestations ?? [],
    inspectors: null,
  };
  if (inspectors === undefined) {
    return settings;
  }
  const isNamed = (inspectors.identities ?? []).length > 0;
  return {
    ...settings,
    inspectors: {
      ...noTrust,
      keys: (inspectors.keys ?? []).map(path),
      identities: inspectors.identities ?? [],
      // An authority alone would let everybody attest to whom it gave a certificate.
      trustedRoots: isNamed ? settings.trustedRoots : [],
      authorities: isNamed ? settings.authorities : [],
    },
  };
}

export interface ChosenTrust {
  readonly settings: TrustSettings;
  /** The pattern that decided; null when none matches. */
  readonly pattern: string | null;
  /** Patterns that match as well, longest first; the first of equal length decides. */
  readonly overruled: readonly string[];
}

/**
 * What is trusted for an image: the longest pattern that matches decides, alone, so that a narrow rule is never widened by
 * a broad one.
 *
 * @param image registry and repository, as `registry.example.com/team/app`.
 */
export function trustFor({ images }: TrustConfiguration, image: string): ChosenTrust {
  const [chosen, ...overruled] = images
    .filter(({ pattern }) => matchesPattern(pattern, image))
    .toSorted((left, right) => right.pattern.length - left.pattern.length);
  return {
    settings: chosen?.settings ?? noTrust,
    pattern: chosen?.pattern ?? null,
    overruled: overruled.map(({ pattern }) => pattern),
  };
}
