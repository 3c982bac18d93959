import { painter } from '../src/findings/paint.ts';
import { rulesInForce } from '../src/policy/enforcement.ts';
import { usesColor, writeOutput } from './output.ts';
import { configurationFor, type PolicyOptions, policiesFor } from './policies.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** `elfgate policy list`: every rule, and how the configuration enforces it. */
export async function policyListCommand(
  options: SharedOptions & PolicyOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const bundle = await policiesFor(options, surroundings);
  const configuration = await configurationFor(options, surroundings, bundle);
  const inForce = rulesInForce(configuration, bundle.rules);
  const rules = bundle.rules.map(({ id, title, severity, sets }) => ({
    id,
    title,
    severity,
    enforce: inForce.get(id)?.enforcement ?? 'off',
    sets,
  }));
  if (options.output === 'json') {
    await writeOutput(`${JSON.stringify({ revision: bundle.revision, rules }, null, 2)}\n`, options, surroundings);
    return 0;
  }
  const color = usesColor(options.color, surroundings.env, surroundings.stdout);
  const paint = painter(color);
  const width = Math.max(...rules.map(({ id }) => id.length));
  const lines = rules.map(
    ({ id, title, severity, enforce }) =>
      `${id.padEnd(width)}  ${severity.padEnd(7)}  ${enforce.padEnd(7)}  ${paint('dim', title)}`,
  );
  await writeOutput(`${lines.join('\n')}\n`, options, surroundings);
  return 0;
}
