import { ElfgateError } from '../src/errors.ts';
import { painter } from '../src/findings/paint.ts';
import { ruleAddress } from '../src/findings/report.ts';
import { didYouMean } from '../src/policy/configuration/did-you-mean.ts';
import { expiredExceptionRule } from '../src/policy/configuration/expired-exceptions.ts';
import type { RuleMetadata } from '../src/policy/rule-metadata.ts';
import { usesColor, writeOutput } from './output.ts';
import { type PolicyOptions, policiesFor } from './policies.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** `elfgate explain RULE`: what it detects, why that matters and how to mend it. */
export async function explainCommand(
  id: string,
  options: SharedOptions & PolicyOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const rules = [...(await policiesFor(options, surroundings)).rules, expiredExceptionRule];
  const rule = rules.find((candidate) => candidate.id === id);
  if (rule === undefined) {
    const ids = rules.map((candidate) => candidate.id);
    const near =
      didYouMean(id, ids) ?? ids.find((candidate) => candidate.startsWith(id) || candidate.endsWith(`/${id}`)) ?? null;
    throw new ElfgateError('usage', `there is no rule ${id}`, {
      hint: near === null ? 'elfgate policy list shows all rules' : `elfgate explain ${near}`,
    });
  }
  if (options.output === 'json') {
    await writeOutput(`${JSON.stringify({ ...rule, docs: ruleAddress(id) }, null, 2)}\n`, options, surroundings);
    return 0;
  }
  const color = usesColor(options.color, surroundings.env, surroundings.stdout);
  await writeOutput(explanation(rule, color), options, surroundings);
  return 0;
}

function explanation(rule: RuleMetadata, color: boolean): string {
  const paint = painter(color);
  const lines = [`${paint('bold', rule.id)}  ${paint('dim', rule.severity)}`, rule.title, '', rule.description, ''];
  const parameters = Object.entries(rule.parameters);
  if (parameters.length > 0) {
    lines.push(paint('bold', 'parameters'));
    for (const [name, schema] of parameters) {
      lines.push(
        `  ${name}  ${schema.description ?? ''} ${paint('dim', `(default ${JSON.stringify(schema.default)})`)}`,
      );
    }
    lines.push('');
  }
  lines.push(
    ...(rule.facts.length === 0 ? [] : [`${paint('bold', 'reads')}  ${rule.facts.join(', ')}`]),
    `${paint('bold', 'sets')}   ${rule.sets.join(', ')}`,
    '',
  );
  lines.push(
    ...rule.relatedResources.map(({ url, description }) => `${paint('dim', '→')} ${description ?? url}: ${url}`),
  );
  return `${lines.join('\n').trimEnd()}\n`;
}
