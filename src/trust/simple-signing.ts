import { Rejection } from './rejection.ts';
import { isSimpleSigning } from './signature-types.ts';
import { objectOf, textOf, untrustedJson } from './untrusted-json.ts';

/**
 * Checks the payload that cosign signed before bundles: "simple signing", which names the manifest by digest.
 * https://github.com/sigstore/cosign/blob/v3.1.3/specs/SIGNATURE_SPEC.md
 *
 * `critical.identity` is not compared: cosign itself leaves it open, because images move between registries.
 *
 * @param digest hexadecimal SHA-256 of the manifest.
 * @throws Rejection when it is no such payload, or is about another digest.
 */
export function requireSimpleSigningOf(payload: Uint8Array, digest: string): void {
  const critical = objectOf(
    objectOf(untrustedJson(payload, "the signature's payload"), "the signature's payload").critical,
    'critical in the payload',
  );
  const type = textOf(critical.type, 'critical.type in the payload');
  if (!isSimpleSigning(type)) {
    throw new Rejection('the payload is not a container image signature');
  }
  const image = objectOf(critical.image, 'critical.image in the payload');
  const signed = textOf(image['docker-manifest-digest'], 'the digest in the payload');
  if (signed !== `sha256:${digest}`) {
    const shown = /^sha256:[0-9a-f]{64}$/.test(signed) ? signed : '(no digest)';
    throw new Rejection(`the signature is for ${shown}, not for sha256:${digest}`);
  }
}
