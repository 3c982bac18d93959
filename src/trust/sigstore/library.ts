import type { Bundle } from '@sigstore/bundle';
import type { SignedEntity, TrustMaterial } from '@sigstore/verify';
import { Rejection } from '../rejection.ts';

/** Sigstore's own libraries, which take 100 ms to load and are needed for certificates only. */
export interface SigstoreLibrary {
  readonly verify: typeof import('@sigstore/verify');
  readonly bundle: typeof import('@sigstore/bundle');
}

export async function loadSigstoreLibrary(): Promise<SigstoreLibrary> {
  const [verify, bundle] = await Promise.all([import('@sigstore/verify'), import('@sigstore/bundle')]);
  return { verify, bundle };
}

/** The signed entity of a bundle. @throws Rejection when the bundle is not valid. */
export function entityOf(
  { bundle: { bundleFromJSON }, verify: { toSignedEntity } }: SigstoreLibrary,
  bundle: unknown,
  artifact: Buffer | null,
): { readonly bundle: Bundle; readonly entity: SignedEntity } {
  return rejecting('the bundle is not valid', () => {
    const parsed = bundleFromJSON(bundle);
    return { bundle: parsed, entity: toSignedEntity(parsed, artifact ?? undefined) };
  });
}

export interface Witnesses {
  readonly certificateLogs: number;
  readonly transparencyLogs: number;
  readonly timestamps: number;
}

/** Verifies an entity; the thresholds say how many witnesses of each kind must testify. @throws Rejection */
export function verifyEntity(
  { verify: { Verifier } }: SigstoreLibrary,
  entity: SignedEntity,
  trust: TrustMaterial,
  least: Witnesses,
): void {
  const verifier = new Verifier(trust, {
    ctlogThreshold: least.certificateLogs,
    tlogThreshold: least.transparencyLogs,
    timestampThreshold: least.timestamps,
  });
  rejecting('the signature does not verify', () => verifier.verify(entity));
}

/** Whatever a library throws on bytes that an attacker may have written means that they are not accepted. */
function rejecting<Result>(sentence: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    const messages: string[] = [];
    for (let cause: unknown = error; cause instanceof Error && messages.length < 4; cause = cause.cause) {
      messages.push(cause.message.slice(0, 200));
    }
    throw new Rejection([sentence, ...messages].join(': '));
  }
}
