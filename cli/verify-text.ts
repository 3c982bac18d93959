import { painter } from '../src/findings/paint.ts';
import { printable } from '../src/findings/printable.ts';

/** What `elfgate verify` says. */
export interface VerifyReport {
  /** With the digest that was verified. */
  readonly image: string;
  readonly verified: boolean;
  /** Why not, where no single signature is the reason; null otherwise. */
  readonly reason: string | null;
  readonly signatures: readonly VerifiedSignature[];
  readonly attestations: readonly VerifiedAttestation[];
}

export interface VerifiedSignature {
  readonly kind: 'cosign' | 'sigstore-bundle' | 'notation';
  /** Null when nobody is proven to have signed. */
  readonly signer: string | null;
  /** Who vouched for the signer; null for keys. */
  readonly issuer: string | null;
  readonly verified: boolean;
  readonly reason: string | null;
  /** When it was signed, as far as that is proven. */
  readonly signedAt: string | null;
  /** Tag, digest or file that holds it. */
  readonly at: string;
}

export interface VerifiedAttestation extends VerifiedSignature {
  /** Null when it cannot be read; claimed by anybody when it is not verified. */
  readonly predicateType: string | null;
}

export function renderVerifyText(report: VerifyReport, color: boolean): string {
  const paint = painter(color);
  const verdict = report.verified ? paint(['bold', 'green'], 'verified') : paint(['bold', 'red'], 'not trusted');
  const unsigned = report.signatures.length === 0 && !report.verified ? ' (there is no signature)' : '';
  const lines = [`${verdict}: ${printable(report.image)}${unsigned}`];
  if (report.reason !== null) {
    lines.push(`  ${paint('dim', '=')} ${printable(report.reason)}`);
  }
  for (const signature of report.signatures) {
    lines.push(
      `  ${mark(signature)} ${signature.kind} ${outcome(signature)}`,
      `      ${paint('dim', printable(signature.at))}`,
    );
  }
  for (const attestation of report.attestations) {
    lines.push(
      `  ${mark(attestation)} attestation ${printable(attestation.predicateType ?? '(unreadable)')} ${outcome(attestation)}`,
      `      ${paint('dim', printable(attestation.at))}`,
    );
  }
  return `${lines.join('\n')}\n`;

  function mark({ verified }: VerifiedSignature): string {
    return verified ? paint('green', '✔') : paint('red', '✘');
  }
}

function outcome({ verified, signer, issuer, signedAt, reason }: VerifiedSignature): string {
  if (!verified) {
    return printable(reason ?? 'not verified');
  }
  const vouched = issuer === null ? '' : ` (${issuer})`;
  const time = signedAt === null ? '' : ` at ${signedAt}`;
  return printable(`by ${signer}${vouched}${time}`);
}
