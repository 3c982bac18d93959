import { TrustedRoot } from '@sigstore/protobuf-specs';
import type { TrustMaterial } from '@sigstore/verify';
import { ElfgateError } from '../../errors.ts';
import { Rejection } from '../rejection.ts';
import { listOf, objectOf, textOf, untrustedJson } from '../untrusted-json.ts';
import type { SigstoreLibrary } from './library.ts';

/** The authorities and logs of one Sigstore instance: what `trusted_root.json` holds. */
export interface SigstoreRoot {
  readonly name: string;
  readonly material: TrustMaterial;
}

/**
 * Reads a trusted root file (https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_trustroot.proto).
 *
 * @throws ElfgateError `malformed`
 */
export function readTrustedRoot(bytes: Buffer, file: string, { verify }: SigstoreLibrary): SigstoreRoot {
  try {
    const document = objectOf(untrustedJson(bytes, 'the trusted root'), 'the trusted root');
    if (!/^application\/vnd\.dev\.sigstore\.trustedroot/.test(textOf(document.mediaType, 'its mediaType'))) {
      throw new Rejection('it is of another media type than a trusted root');
    }
    requireStarts(document);
    return { name: file, material: verify.toTrustMaterial(TrustedRoot.fromJSON(document)) };
  } catch (cause) {
    throw new ElfgateError(
      'malformed',
      `${file}: is no Sigstore trusted root (${cause instanceof Error ? cause.message : 'it is damaged'})`,
      { hint: 'cosign trusted-root create makes one', cause },
    );
  }
}

/** A log whose key has no first day would be believed about any time. */
function requireStarts(document: Readonly<Record<string, unknown>>): void {
  for (const kind of ['tlogs', 'ctlogs'] as const) {
    for (const log of listOf(document[kind] ?? [], kind)) {
      const key = objectOf(objectOf(log, kind).publicKey, `the public key in ${kind}`);
      textOf(objectOf(key.validFor, `validFor in ${kind}`).start, `the start of validFor in ${kind}`);
    }
  }
}
