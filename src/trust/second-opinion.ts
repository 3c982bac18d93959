import { ElfgateError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { CosignProgram, CosignVerdict, RegistryArguments } from './cosign.ts';
import { envelopeOf } from './dsse.ts';
import { Rejection, signerName } from './rejection.ts';
import { readStatement, requireSubject, type Statement } from './statement.ts';
import type { TrustEngine, TrustSettings } from './trust-settings.ts';
import type { AttestationResult, ImageToVerify, ImageTrust, SignatureResult } from './verify-image.ts';

/** The cosign program and what it is asked with. */
export interface SecondVerifier {
  /** `cosign` answers in place of elfgate, `both` have to give the same answer. */
  readonly engine: Exclude<TrustEngine, 'native'>;
  readonly cosign: CosignProgram;
  readonly registry: RegistryArguments;
}

/**
 * Asks cosign about an image that was verified natively.
 *
 * @param native what elfgate itself found; cosign is asked about every type of attestation in it.
 * @throws ElfgateError `disagreement` when both are asked and differ, `unreachable` when cosign cannot tell.
 */
export async function withSecondOpinion(
  native: ImageTrust,
  image: Omit<ImageToVerify, 'store'>,
  settings: TrustSettings,
  verifier: SecondVerifier,
): Promise<ImageTrust> {
  const signature = await ofAnyDigest(image, (name) => verifier.cosign.verify(name, settings, verifier.registry));
  const types = new Set(native.attestations.flatMap(({ statement }) => statement?.predicateType ?? []));
  const attestations: AttestationResult[] = [];
  for (const type of types) {
    const attested = await ofAnyDigest(image, (name) =>
      verifier.cosign.verifyAttestation(name, type, settings, verifier.registry),
    );
    attestations.push(...attestationsOf(attested, type));
  }
  if (verifier.engine === 'cosign') {
    return {
      verified: signature.verdict.accepted,
      undecided: null,
      signatures: [resultOf(signature, 'cosign verify')],
      attestations,
    };
  }
  requireAgreement(native, image, signature, attestations);
  return native;
}

interface Opinion {
  readonly subject: Digest;
  readonly verdict: CosignVerdict;
}

async function ofAnyDigest(
  { repository, digests }: Omit<ImageToVerify, 'store'>,
  ask: (image: string) => Promise<CosignVerdict>,
): Promise<Opinion> {
  let last: Opinion | null = null;
  for (const subject of new Set(digests)) {
    last = { subject, verdict: await ask(`${repository}@${subject}`) };
    if (last.verdict.accepted) {
      break;
    }
  }
  if (last === null) {
    throw new ElfgateError('usage', `${repository}: no digest is named`);
  }
  return last;
}

function resultOf({ subject, verdict }: Opinion, at: string): SignatureResult {
  const place = { kind: 'cosign', subject, at } as const;
  return verdict.accepted
    ? { ...place, verified: true, signer: { kind: 'cosign', name: verdict.signer }, signedAt: null }
    : { ...place, verified: false, reason: verdict.reason };
}

/** Cosign prints every envelope that it accepts, one a line. */
function attestationsOf(opinion: Opinion, type: string): readonly AttestationResult[] {
  const result = resultOf(opinion, 'cosign verify-attestation');
  const unread: Statement = { predicateType: type, predicate: null, subjects: [] };
  if (!opinion.verdict.accepted) {
    return [{ ...result, statement: unread }];
  }
  const lines = opinion.verdict.output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => {
    try {
      const statement = readStatement(envelopeOf(JSON.parse(line)).payload);
      requireSubject(statement, opinion.subject.slice('sha256:'.length));
      return { ...result, statement };
    } catch (error) {
      if (error instanceof Rejection || error instanceof SyntaxError) {
        return {
          kind: result.kind,
          subject: result.subject,
          at: result.at,
          verified: false,
          reason: error.message,
          statement: unread,
        };
      }
      throw error;
    }
  });
}

/** Signatures of the Notary Project are not compared: cosign does not read them. */
function requireAgreement(
  native: ImageTrust,
  { repository, digests }: Omit<ImageToVerify, 'store'>,
  { verdict }: Opinion,
  attestations: readonly AttestationResult[],
): void {
  const name = `${repository}@${digests[0]}`;
  const signature = native.signatures.find(({ kind, verified }) => kind !== 'notation' && verified);
  if ((signature !== undefined) !== verdict.accepted) {
    const mine = signature?.verified
      ? `elfgate accepts the signature of ${signerName(signature.signer)}`
      : `elfgate accepts none (${native.signatures.map((one) => (one.verified ? '' : one.reason)).find((reason) => reason !== '') ?? 'there is no signature'})`;
    const other = verdict.accepted
      ? `cosign accepts that of ${verdict.signer}`
      : `cosign accepts none (${verdict.reason})`;
    throw disagreement(name, mine, other);
  }
  for (const { statement, verified } of attestations) {
    const type = statement?.predicateType;
    const mine = native.attestations.some((one) => one.verified && one.statement?.predicateType === type);
    if (
      mine !== verified &&
      attestations.every((one) => one.statement?.predicateType !== type || one.verified !== mine)
    ) {
      const says = (accepts: boolean): string =>
        `${accepts ? 'accepts' : 'does not accept'} the attestation of type ${type}`;
      throw disagreement(name, `elfgate ${says(mine)}`, `cosign ${says(verified)}`);
    }
  }
}

function disagreement(name: string, mine: string, other: string): ElfgateError {
  return new ElfgateError('disagreement', `${name}: ${mine}, and ${other}`, {
    hint: 'one of the two is wrong about this image: elfgate verify shows every signature; trust.engine chooses one of them',
  });
}
