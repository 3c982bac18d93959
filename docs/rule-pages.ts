import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FactsDocument } from '../src/facts/schema.ts';
import { reportOn } from '../src/findings/report.ts';
import { renderText } from '../src/findings/text.ts';
import { compilePolicies } from '../src/policy/compile-policies.ts';
import { defaultConfiguration } from '../src/policy/configuration/configuration.ts';
import { expiredExceptionRule } from '../src/policy/configuration/expired-exceptions.ts';
import { loadPolicy } from '../src/policy/evaluation.ts';
import { askOpa } from '../src/policy/opa.ts';
import type { OpaOptions } from '../src/policy/opa-program.ts';
import { parametersWithDefaults, type RuleMetadata, ruleSets } from '../src/policy/rule-metadata.ts';

/** Documents that were recorded of real binaries: those that violate a rule, and those that do not. */
interface Recorded {
  readonly violating: readonly FactsDocument[];
  readonly passing: readonly FactsDocument[];
}

/** What the cases of a rule are judged with, where that is not its defaults. */
export type CaseParameters = (rule: string) => Readonly<Record<string, unknown>> | undefined;

/**
 * The pages of all rules, by path below `docs/rules`, made of their METADATA. Their examples are what the rules say about
 * the facts that lie recorded next to them.
 *
 * @throws Error when a recorded example does not violate its rule, or one that is to pass does not.
 */
export async function rulePages(
  policies: string,
  caseParameters: CaseParameters,
  options: OpaOptions,
): Promise<ReadonlyMap<string, string>> {
  const bundle = await compilePolicies([policies], options);
  const recorded = await recordedFacts(policies, bundle.rules, options);
  const pages = new Map<string, string>();
  const examples = new Map<string, string>();
  for (const rule of bundle.rules) {
    const [family = '', name = ''] = rule.id.split('/');
    const facts = recorded[family]?.[name];
    if (facts === undefined) {
      throw new Error(`${rule.id}: no facts are recorded for its page`);
    }
    const parameters = parametersWithDefaults(rule, caseParameters(rule.id) ?? {});
    const inForce = new Map([[rule.id, { enforcement: 'deny' as const, parameters }]]);
    const judge = {
      policy: await loadPolicy(bundle, inForce),
      configuration: defaultConfiguration,
      inForce,
      today: new Date(0),
    };
    const found = reportOn(facts.violating, judge);
    const passed = reportOn(facts.passing, judge);
    if (found.findings.length === 0 || passed.findings.length > 0) {
      throw new Error(`${rule.id}: its recorded examples do not show what they are to show`);
    }
    examples.set(rule.id, renderText(found, { color: false, columns: null }).replace(/[ ]+$/gm, '').trimEnd());
  }
  for (const rule of [...bundle.rules, expiredExceptionRule]) {
    pages.set(`${rule.id}.md`, rulePage(rule, examples.get(rule.id) ?? null, caseParameters(rule.id)));
  }
  pages.set('README.md', tablePage([...bundle.rules, expiredExceptionRule]));
  return pages;
}

/** By family and name; read by OPA, for they are written as Rego. */
async function recordedFacts(
  policies: string,
  rules: readonly RuleMetadata[],
  options: OpaOptions,
): Promise<Readonly<Record<string, Readonly<Record<string, Recorded>>>>> {
  const files = rules.flatMap(({ id }) => {
    const path = `${id}/recorded_test.rego`;
    return readdirSync(join(policies, id)).includes('recorded_test.rego')
      ? [[path, readFileSync(join(policies, path), 'utf8')] as const]
      : [];
  });
  const asked = await askOpa(
    'eval',
    { sources: Object.fromEntries(files), query: 'data.elfgate.recorded = facts', data: {} },
    options,
  );
  if (asked.outcome === 'rejected') {
    throw new Error(JSON.stringify(asked.problems));
  }
  return asked.answer.result[0]?.facts as Readonly<Record<string, Readonly<Record<string, Recorded>>>>;
}

const generated = '<!-- Written by `npm run docs`. Change the METADATA of the rule instead. -->';

function rulePage(
  rule: RuleMetadata,
  example: string | null,
  parameters: Readonly<Record<string, unknown>> | undefined,
): string {
  const { id, title, severity, description, facts, sets, relatedResources } = rule;
  const enforcement = rule.enforce === 'deny' ? '' : ` (enforced as ${rule.enforce})`;
  const parts = [
    `${generated}\n\n# ${id}\n\n${title}`,
    [
      `- severity: ${severity}${enforcement}`,
      `- rule sets: ${sets.join(', ') || 'none: name it in `elfgate.yaml` to switch it on'}`,
      ...(facts.length === 0 ? [] : [`- reads: ${facts.map((fact) => `\`${fact}\``).join(', ')}`]),
    ].join('\n'),
    description,
    ...(Object.keys(rule.parameters).length === 0 ? [] : [`## Parameters\n\n${parameterTable(rule)}`]),
    ...(example === null ? [] : [exampleOf(id, example, parameters)]),
    ...(relatedResources.length === 0
      ? []
      : [
          `## See also\n\n${relatedResources.map(({ url, description: text }) => `- [${text ?? url}](${url})`).join('\n')}`,
        ]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function exampleOf(id: string, example: string, parameters: Readonly<Record<string, unknown>> | undefined): string {
  const configured =
    parameters === undefined
      ? ''
      : ` with \`rules: { ${id}: { params: ${JSON.stringify(parameters).replaceAll('`', '')} } }\``;
  return `## Example\n\nOn facts of real binaries${configured}:\n\n\`\`\`text\n${example}\n\`\`\``;
}

function parameterTable({ parameters }: RuleMetadata): string {
  const rows = Object.entries(parameters).map(
    ([name, { description = '', default: value }]) =>
      `| \`${name}\` | ${cell(description)} | \`${cell(JSON.stringify(value))}\` |`,
  );
  return ['| parameter | meaning | default |', '| --- | --- | --- |', ...rows].join('\n');
}

function tablePage(rules: readonly RuleMetadata[]): string {
  const rows = [...rules]
    .sort((left, right) => (left.id < right.id ? -1 : 1))
    .map(({ id, title, severity, sets }) => {
      const marks = ruleSets.map((set) => (sets.includes(set) ? '✔' : ''));
      return `| [${id}](${id}.md) | ${cell(title)} | ${severity} | ${marks.join(' | ')} |`;
    });
  return [
    generated,
    '',
    '# Rules',
    '',
    'A rule is on when the chosen rule set has it, or when `elfgate.yaml` names it.',
    '',
    `| rule | it holds when | severity | ${ruleSets.join(' | ')} |`,
    `| --- | --- | --- | ${ruleSets.map(() => '---').join(' | ')} |`,
    ...rows,
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text
    .replaceAll('|', '\\|')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim();
}
