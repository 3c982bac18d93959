import { readExploitability } from '../trust/predicates/exploitability.ts';
import { readMaterials } from '../trust/predicates/materials.ts';
import { readCanaryMeasurement, readFipsReport, readServiceLevel } from '../trust/predicates/own-predicates.ts';
import { readProvenance } from '../trust/predicates/provenance.ts';
import { readVulnerabilityScan } from '../trust/predicates/vulnerabilities.ts';
import { signerName, type Verification } from '../trust/rejection.ts';
import type { FileAttestation, FileTrust } from '../trust/verify-file.ts';
import type { AttestationResult, ImageTrust } from '../trust/verify-image.ts';
import type { AttestationFacts, SignatureFacts, TrustFacts } from './schema.ts';

/** What decided about an image, besides its signatures. */
export interface TrustContext {
  readonly judgedAt: Date;
  /** The pattern of the configuration that says who is trusted; null when nobody is. */
  readonly decidedBy: string | null;
  /** Whether the reference names a digest; null for what has no reference. */
  readonly pinned: boolean | null;
  readonly requiredAttestations: readonly string[];
}

/** Trust that could not be told, for a reason; or that nobody is trusted, which needs none. */
export function undecidedTrust(context: TrustContext, reason: string | null): TrustFacts {
  return { ...decision(context), verified: null, undecided: reason };
}

/** Facts about an image for which somebody is trusted. @param factsSignedBy who signed the facts about its files. */
export function imageTrustFacts(trust: ImageTrust, context: TrustContext, factsSignedBy: string | null): TrustFacts {
  const attestations = trust.attestations.map(attestationFacts);
  return {
    ...decision(context),
    verified: trust.verified,
    undecided: trust.undecided,
    signatures: trust.signatures.map(signatureFacts),
    attestations,
    missingAttestations: missing(attestations, context),
    factsSignedBy,
  };
}

/** Facts about a file, from what lies next to it. */
export function fileTrustFacts(trust: FileTrust, context: TrustContext): TrustFacts {
  const attestations = trust.attestations.map(attestationFacts);
  return {
    ...decision(context),
    verified: context.decidedBy === null ? null : trust.verified,
    undecided: null,
    signatures: trust.signatures.map(signatureFacts),
    attestations,
    missingAttestations: missing(attestations, context),
    listedDigest: trust.listedDigest,
  };
}

function decision({ judgedAt, decidedBy, pinned }: TrustContext) {
  return {
    judgedAt: judgedAt.toISOString(),
    decidedBy,
    pinned,
    signatures: [],
    attestations: [],
    missingAttestations: [],
    listedDigest: null,
    factsSignedBy: null,
  };
}

function missing(attestations: readonly AttestationFacts[], { requiredAttestations }: TrustContext): string[] {
  return requiredAttestations.filter(
    (type) => !attestations.some(({ verified, predicateType }) => verified && predicateType === type),
  );
}

function signatureFacts(
  signature: { readonly kind: SignatureFacts['kind']; readonly at: string } & Verification,
): SignatureFacts {
  const { kind, at } = signature;
  if (!signature.verified) {
    return { kind, at, verified: false, signer: null, issuer: null, signedAt: null, reason: signature.reason };
  }
  const { signer, signedAt } = signature;
  return {
    kind,
    at,
    verified: true,
    signer: signerName(signer),
    issuer: signer.kind === 'certificate' ? signer.issuer : null,
    signedAt: signedAt?.toISOString() ?? null,
    reason: null,
  };
}

/** What a predicate says counts only when somebody who is trusted signed it: of others nothing is stated. */
function attestationFacts(attestation: AttestationResult | FileAttestation): AttestationFacts {
  const type = attestation.statement?.predicateType ?? null;
  const believed = attestation.verified && type !== null;
  const read = <Claim>(reader: (type: string, predicate: unknown) => Claim | null): Claim | null =>
    believed ? reader(type, attestation.statement?.predicate) : null;
  return {
    ...signatureFacts(attestation),
    predicateType: type,
    provenance: read(readProvenance),
    scan: mutable(read(readVulnerabilityScan)),
    exploitability: mutable(read(readExploitability)),
    fipsReport: read(readFipsReport),
    serviceLevel: read(readServiceLevel),
    canary: read(readCanaryMeasurement),
    materials: read(readMaterials),
  };
}

/** The schema's types are mutable; nothing changes them. */
function mutable<Value>(value: Value): Mutable<Value> {
  return value as Mutable<Value>;
}

type Mutable<Value> = Value extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : Value extends object
    ? { -readonly [Key in keyof Value]: Mutable<Value[Key]> }
    : Value;
