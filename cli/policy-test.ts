import { relative } from 'node:path';
import { painter } from '../src/findings/paint.ts';
import type { RegoTest } from '../src/policy/opa.ts';
import { testPolicies } from '../src/policy/rego-tests.ts';
import { usesColor, writeOutput } from './output.ts';
import { compilerOptions, policyDirectories } from './policies.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/**
 * `elfgate policy test [DIR…]`: runs the Rego tests of the given rules, or of the built-in ones when none are given.
 * Exit code 1 when one fails.
 */
export async function policyTestCommand(
  directories: readonly string[],
  options: SharedOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const report = await testPolicies(policyDirectories(directories), compilerOptions(surroundings.env));
  const tests = report.tests.filter(({ place }) => isOwn(place.file, directories));
  const failing = tests.filter(({ outcome }) => outcome !== 'pass');
  if (options.output === 'json') {
    await writeOutput(`${JSON.stringify({ tests }, null, 2)}\n`, options, surroundings);
  } else {
    const color = usesColor(options.color, surroundings.env, surroundings.stdout);
    const lines = tests.map((test) => line(test, color));
    lines.push(`${tests.length - failing.length} passed, ${failing.length} failed`);
    await writeOutput(`${lines.join('\n')}\n`, options, surroundings);
  }
  return failing.length === 0 ? 0 : 1;
}

// The built-in rules are compiled along, but whoever names a directory asks about that one.
function isOwn(file: string, directories: readonly string[]): boolean {
  return directories.length === 0 || directories.some((directory) => !relative(directory, file).startsWith('..'));
}

function line({ outcome, name, place, failure }: RegoTest, color: boolean): string {
  const passed = outcome === 'pass';
  const mark = passed ? '✔' : '✘';
  const painted = painter(color)(passed ? 'green' : 'red', mark);
  const sentence = name.replace(/^test_/, '').replaceAll('_', ' ');
  const where = passed ? '' : `  ${place.file}:${place.row}${failure === undefined ? '' : `\n${failure.text}`}`;
  return `${painted} ${sentence}${where}`;
}
