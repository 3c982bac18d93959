import Type, { type Static, type TObject } from 'typebox';
import { Check, Errors } from 'typebox/schema';
import type { OwnPredicateName } from './predicate-names.ts';

/**
 * Predicates that no standard exists for, with their JSON Schemas: `elfgate schema NAME` prints them. A change that old
 * readers would misread gets a new version, in the type and in the address of the schema.
 */

export const fipsReportType = 'https://elfgate.dev/attestation/fips-report/v1';

export const FipsReport = Type.Object(
  {
    module: Type.String({ minLength: 1, description: 'cryptographic module, as its certificate names it' }),
    certificate: Type.String({ minLength: 1, description: 'number of the certificate, as CMVP lists it' }),
    standard: Type.Enum(['FIPS 140-2', 'FIPS 140-3']),
    level: Type.Integer({ minimum: 1, maximum: 4 }),
    validUntil: Type.String({ format: 'date', description: 'last day on which the validation holds, in UTC' }),
    auditor: Type.String({ minLength: 1, description: 'who checked that the artifact uses the module' }),
  },
  {
    $id: 'https://elfgate.dev/schema/attestation/fips-report/v1.json',
    title: 'elfgate FIPS 140 audit report',
    description: `Predicate of in-toto statements of type ${fipsReportType}.`,
  },
);
export type FipsReport = Static<typeof FipsReport>;

export const serviceLevelType = 'https://elfgate.dev/attestation/service-level/v1';

export const ServiceLevel = Type.Object(
  {
    environment: Type.String({ minLength: 1, description: 'where it ran, as production-eu' }),
    from: Type.String({ format: 'date-time' }),
    to: Type.String({ format: 'date-time' }),
    latencyP99Milliseconds: Type.Number({ minimum: 0, description: '99th percentile of the time of a request' }),
    errorRate: Type.Number({ minimum: 0, maximum: 1, description: 'share of requests that failed' }),
    resourceSpikes: Type.Integer({ minimum: 0, description: 'times that a limit of processor or memory was reached' }),
  },
  {
    $id: 'https://elfgate.dev/schema/attestation/service-level/v1.json',
    title: 'elfgate production service level record',
    description: `Predicate of in-toto statements of type ${serviceLevelType}: how one artifact did for one period.`,
  },
);
export type ServiceLevel = Static<typeof ServiceLevel>;

export const canaryMeasurementType = 'https://elfgate.dev/attestation/canary-measurement/v1';

export const CanaryMeasurement = Type.Object(
  {
    environment: Type.String({ minLength: 1, description: 'where it ran, as production-eu' }),
    baseline: Type.String({ minLength: 1, description: 'digest of the version that it was compared with' }),
    from: Type.String({ format: 'date-time' }),
    to: Type.String({ format: 'date-time' }),
    trafficPercent: Type.Number({ minimum: 0, maximum: 100, description: 'share of the traffic that it had' }),
    requests: Type.Integer({ minimum: 0, description: 'requests that it answered' }),
    successRate: Type.Number({ minimum: 0, maximum: 1, description: 'share of its requests that succeeded' }),
    baselineSuccessRate: Type.Number({ minimum: 0, maximum: 1, description: 'the same of the baseline' }),
    memoryGrowthBytesPerHour: Type.Number({ description: 'slope of its resident memory; negative when it shrinks' }),
  },
  {
    $id: 'https://elfgate.dev/schema/attestation/canary-measurement/v1.json',
    title: 'elfgate canary measurement',
    description: `Predicate of in-toto statements of type ${canaryMeasurementType}: one step of a rollout, against the version before.`,
  },
);
export type CanaryMeasurement = Static<typeof CanaryMeasurement>;

export const attestedFactsType = 'https://elfgate.dev/attestation/facts/v1';

export const AttestedFacts = Type.Object(
  {
    inspector: Type.Object({
      name: Type.Literal('elfgate'),
      revision: Type.String({ minLength: 1, description: 'code that stated the facts; only the same code reads them' }),
    }),
    inspectedAt: Type.String({ format: 'date-time' }),
    platform: Type.String({ description: 'linux/amd64' }),
    encoding: Type.Literal('zstd'),
    facts: Type.String({ description: 'the facts as JSON, compressed (RFC 8878), in base64' }),
  },
  {
    $id: 'https://elfgate.dev/schema/attestation/facts/v1.json',
    title: 'elfgate facts',
    description: `Predicate of in-toto statements of type ${attestedFactsType}: what an inspection found in an image.`,
  },
);
export type AttestedFacts = Static<typeof AttestedFacts>;

export interface OwnPredicate {
  readonly type: string;
  readonly schema: TObject;
}

/** By the name that commands take. */
export const ownPredicates = {
  'fips-report': { type: fipsReportType, schema: FipsReport },
  'service-level': { type: serviceLevelType, schema: ServiceLevel },
  'canary-measurement': { type: canaryMeasurementType, schema: CanaryMeasurement },
  'attested-facts': { type: attestedFactsType, schema: AttestedFacts },
} satisfies Record<OwnPredicateName, OwnPredicate>;

/** What is wrong about a predicate, with its place; null when it follows its schema. */
export function predicateProblem({ schema }: OwnPredicate, predicate: unknown): string | null {
  const [isRight, [first]] = Errors(schema, predicate);
  return isRight ? null : `${first?.instancePath || 'it'} ${first?.message ?? 'is wrong'}`;
}

/** Null when it is another predicate, or does not follow its schema. */
export function readFipsReport(predicateType: string, predicate: unknown): FipsReport | null {
  return predicateType === fipsReportType && Check(FipsReport, predicate) ? predicate : null;
}

/** Null when it is another predicate, or does not follow its schema. */
export function readServiceLevel(predicateType: string, predicate: unknown): ServiceLevel | null {
  return predicateType === serviceLevelType && Check(ServiceLevel, predicate) ? predicate : null;
}

/** Null when it is another predicate, or does not follow its schema. */
export function readCanaryMeasurement(predicateType: string, predicate: unknown): CanaryMeasurement | null {
  return predicateType === canaryMeasurementType && Check(CanaryMeasurement, predicate) ? predicate : null;
}

/** Null when it is another predicate, or does not follow its schema. */
export function readAttestedFacts(predicateType: string, predicate: unknown): AttestedFacts | null {
  return predicateType === attestedFactsType && Check(AttestedFacts, predicate) ? predicate : null;
}
