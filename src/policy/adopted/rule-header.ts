import { type Enforcement, type ParameterSchema, ruleSets, type Severity } from '../rule-metadata.ts';

/** The METADATA block of a rule that runs a policy which was written for another program. It is on in every rule set. */
export function ruleMetadata(rule: {
  readonly title: string;
  readonly description: string;
  readonly severity: Severity;
  readonly enforce: Enforcement;
  readonly parameters: Readonly<Record<string, ParameterSchema>>;
}): string {
  const { title, description, severity, enforce, parameters } = rule;
  const custom = { severity, enforce, facts: ['workload.review'], sets: ruleSets, params: parameters };
  return [
    '# METADATA',
    // JSON is YAML, whatever the texts hold.
    `# title: ${JSON.stringify(title)}`,
    `# description: ${JSON.stringify(description)}`,
    `# custom: ${JSON.stringify(custom)}`,
  ].join('\n');
}
