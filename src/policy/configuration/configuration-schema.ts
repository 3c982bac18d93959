import type { XStatic } from 'typebox/schema';
import { enforcements, type RuleMetadata, ruleSets } from '../rule-metadata.ts';
import { admissionSchema } from './admission.ts';
import { trustSchema } from './trust-schema.ts';

const text = { type: 'string', minLength: 1 } as const;

const exception = {
  description: 'Lets findings of one rule pass for some targets until a day.',
  type: 'object',
  additionalProperties: false,
  required: ['rule', 'target', 'reason', 'owner', 'expires'],
  properties: {
    rule: { ...text, description: 'The id of the rule.' },
    target: { ...text, description: 'A target; * stands for anything but a slash, ** for anything.' },
    path: { ...text, description: 'The path of a binary within the target, with the same wildcards.' },
    reason: { ...text, description: 'Why it may pass.' },
    owner: { ...text, description: 'Who answers for it.' },
    expires: {
      type: 'string',
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
      examples: ['2027-01-31'],
      description: 'The last day on which it holds, in UTC.',
    },
  },
} as const;

const registry = {
  type: 'object',
  additionalProperties: false,
  required: ['host'],
  properties: {
    host: { ...text, description: 'The host, with its port where it is not 443.' },
    plainHttp: { type: 'boolean', description: 'Speak HTTP without TLS.' },
    ca: {
      ...text,
      description: 'A file of certificates in PEM to trust instead of the public ones, relative to this file.',
    },
    mirrors: {
      type: 'array',
      items: text,
      description: 'Hosts that hold copies of its repositories; asked first, in this order.',
    },
  },
} as const;

/** What a rule may be told in `rules`, but for its parameters. */
const ruleSettings = {
  type: 'object',
  additionalProperties: false,
  properties: {
    enforce: { enum: enforcements as readonly ['deny', 'warn', 'dry-run', 'off'] },
    params: { type: 'object' },
  },
} as const;

const configuration = {
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'kind'],
  properties: {
    apiVersion: { const: 'elfgate.dev/v1' },
    kind: { const: 'Config' },
    ruleSet: { enum: [...ruleSets, 'none'] as unknown as readonly ['recommended', 'strict', 'marketplace', 'none'] },
    rules: { type: 'object', additionalProperties: ruleSettings },
    exceptions: { type: 'array', items: exception },
    registries: { type: 'array', items: registry },
    policies: {
      description: 'Bundles of policies.',
      type: 'object',
      additionalProperties: false,
      properties: {
        signature: {
          enum: ['required', 'when-trusted'],
          description:
            'required: every bundle must be signed by somebody whom trust names for it. when-trusted, the default: those must whose name a pattern of trust matches.',
        },
      },
    },
    admission: admissionSchema,
    trust: trustSchema,
  },
} as const;

/** `elfgate.yaml` as it is written. */
export type ConfigurationDocument = XStatic<typeof configuration>;

/** A JSON Schema, as far as schemas here go. */
export interface JsonSchema {
  readonly additionalProperties?: JsonSchema | boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly [keyword: string]: unknown;
}

/**
 * The JSON Schema of `elfgate.yaml` where these rules are known: their ids and parameters are part of it.
 *
 * @param rules null before they are known: the file says whose policies are taken.
 */
export function configurationSchema(rules: readonly RuleMetadata[] | null): JsonSchema {
  if (rules === null) {
    return configuration;
  }
  const settings = rules.map((rule) => [
    rule.id,
    {
      ...ruleSettings,
      description: rule.title,
      properties: {
        ...ruleSettings.properties,
        params: { type: 'object', additionalProperties: false, properties: rule.parameters },
      },
    },
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'elfgate.yaml',
    ...configuration,
    properties: {
      ...configuration.properties,
      rules: { type: 'object', additionalProperties: false, properties: Object.fromEntries(settings) },
      exceptions: {
        ...configuration.properties.exceptions,
        items: { ...exception, properties: { ...exception.properties, rule: { enum: rules.map(({ id }) => id) } } },
      },
    },
  };
}
