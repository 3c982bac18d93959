import { Rejection } from './rejection.ts';
import { base64Of, listOf, objectOf, textOf, untrustedJson } from './untrusted-json.ts';

/**
 * A DSSE envelope: bytes of a stated type and signatures over both.
 * https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md
 */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Buffer;
  /** At least one. */
  readonly signatures: readonly Buffer[];
}

/** Signatures of one envelope that are tried; real ones have one. */
const mostSignatures = 16;

/** Reads an envelope from its JSON bytes. @throws Rejection */
export function readEnvelope(bytes: Uint8Array): Envelope {
  return envelopeOf(untrustedJson(bytes, 'the envelope'));
}

/** Reads an envelope that is part of other JSON. @throws Rejection */
export function envelopeOf(value: unknown): Envelope {
  const envelope = objectOf(value, 'the envelope');
  const signatures = listOf(envelope.signatures, "the envelope's signatures");
  if (signatures.length === 0 || signatures.length > mostSignatures) {
    throw new Rejection(`the envelope has ${signatures.length} signatures; 1 to ${mostSignatures} can be judged`);
  }
  return {
    payloadType: textOf(envelope.payloadType, "the envelope's payload type"),
    payload: base64Of(envelope.payload, "the envelope's payload"),
    signatures: signatures.map((signature) =>
      base64Of(objectOf(signature, 'a signature of the envelope').sig, 'a signature of the envelope'),
    ),
  };
}

/** The bytes that are signed: pre-authentication encoding. https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}
