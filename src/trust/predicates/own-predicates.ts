import { Check, Errors, type XStatic } from 'typebox/schema';
import type { OwnPredicateName } from './predicate-names.ts';

/**
 * Predicates that no standard exists for, with their JSON Schemas: `elfgate schema NAME` prints them. A change that old
 * readers would misread gets a new version, in the type and in the address of the schema.
 *
 * They are written out: whoever reads attested facts would wait longer for the library that builds schemas than for them.
 */

const text = { type: 'string', minLength: 1 } as const;
const time = { type: 'string', format: 'date-time' } as const;

export const fipsReportType = 'https://elfgate.dev/attestation/fips-report/v1';

export const FipsReport = {
  type: 'object',
  required: ['module', 'certificate', 'standard', 'level', 'validUntil', 'auditor'],
  properties: {
    module: { ...text, description: 'cryptographic module, as its certificate names it' },
    certificate: { ...text, description: 'number of the certificate, as CMVP lists it' },
    standard: { enum: ['FIPS 140-2', 'FIPS 140-3'] },
    level: { type: 'integer', minimum: 1, maximum: 4 },
    validUntil: { type: 'string', format: 'date', description: 'last day on which the validation holds, in UTC' },
    auditor: { ...text, description: 'who checked that the artifact uses the module' },
  },
  $id: 'https://elfgate.dev/schema/attestation/fips-report/v1.json',
  title: 'elfgate FIPS 140 audit report',
  description: `Predicate of in-toto statements of type ${fipsReportType}.`,
} as const;
export type FipsReport = XStatic<typeof FipsReport>;

export const serviceLevelType = 'https://elfgate.dev/attestation/service-level/v1';

export const ServiceLevel = {
  type: 'object',
  required: ['environment', 'from', 'to', 'latencyP99Milliseconds', 'errorRate', 'resourceSpikes'],
  properties: {
    environment: { ...text, description: 'where it ran, as production-eu' },
    from: time,
    to: time,
    latencyP99Milliseconds: { type: 'number', minimum: 0, description: '99th percentile of the time of a request' },
    errorRate: { type: 'number', minimum: 0, maximum: 1, description: 'share of requests that failed' },
    resourceSpikes: {
      type: 'integer',
      minimum: 0,
      description: 'times that a limit of processor or memory was reached',
    },
  },
  $id: 'https://elfgate.dev/schema/attestation/service-level/v1.json',
  title: 'elfgate production service level record',
  description: `Predicate of in-toto statements of type ${serviceLevelType}: how one artifact did for one period.`,
} as const;
export type ServiceLevel = XStatic<typeof ServiceLevel>;

export const canaryMeasurementType = 'https://elfgate.dev/attestation/canary-measurement/v1';

export const CanaryMeasurement = {
  type: 'object',
  required: [
    'environment',
    'baseline',
    'from',
    'to',
    'trafficPercent',
    'requests',
    'successRate',
    'baselineSuccessRate',
    'memoryGrowthBytesPerHour',
  ],
  properties: {
    environment: { ...text, description: 'where it ran, as production-eu' },
    baseline: { ...text, description: 'digest of the version that it was compared with' },
    from: time,
    to: time,
    trafficPercent: { type: 'number', minimum: 0, maximum: 100, description: 'share of the traffic that it had' },
    requests: { type: 'integer', minimum: 0, description: 'requests that it answered' },
    successRate: { type: 'number', minimum: 0, maximum: 1, description: 'share of its requests that succeeded' },
    baselineSuccessRate: { type: 'number', minimum: 0, maximum: 1, description: 'the same of the baseline' },
    memoryGrowthBytesPerHour: {
      type: 'number',
      description: 'slope of its resident memory; negative when it shrinks',
    },
  },
  $id: 'https://elfgate.dev/schema/attestation/canary-measurement/v1.json',
  title: 'elfgate canary measurement',
  description: `Predicate of in-toto statements of type ${canaryMeasurementType}: one step of a rollout, against the version before.`,
} as const;
export type CanaryMeasurement = XStatic<typeof CanaryMeasurement>;

export const attestedFactsType = 'https://elfgate.dev/attestation/facts/v1';

export const AttestedFacts = {
  type: 'object',
  required: ['inspector', 'inspectedAt', 'platform', 'encoding', 'facts'],
  properties: {
    inspector: {
      type: 'object',
      required: ['name', 'revision'],
      properties: {
        name: { type: 'string', const: 'elfgate' },
        revision: { ...text, description: 'code that stated the facts; only the same code reads them' },
      },
    },
    inspectedAt: time,
    platform: { type: 'string', description: 'linux/amd64' },
    encoding: { type: 'string', const: 'zstd' },
    facts: { type: 'string', description: 'the facts as JSON, compressed (RFC 8878), in base64' },
  },
  $id: 'https://elfgate.dev/schema/attestation/facts/v1.json',
  title: 'elfgate facts',
  description: `Predicate of in-toto statements of type ${attestedFactsType}: what an inspection found in an image.`,
} as const;
export type AttestedFacts = XStatic<typeof AttestedFacts>;

export interface OwnPredicate {
  readonly type: string;
  /** JSON Schema, of draft 2020-12. */
  readonly schema: object;
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
