import { checkPolicies } from '../src/policy/compile-policies.ts';
import { describeProblem } from '../src/policy/policy-problems.ts';
import { writeOutput } from './output.ts';
import { compilerOptions, namespacesOf, type PolicyOptions, policyDirectories } from './policies.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** `elfgate policy check [DIR…]`: what is wrong with policies, each problem with its line of Rego. */
export async function policyCheckCommand(
  directories: readonly string[],
  options: SharedOptions & Pick<PolicyOptions, 'namespace' | 'allNamespaces'>,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { sources, problems } = await checkPolicies(policyDirectories(directories), {
    ...compilerOptions(surroundings.env),
    ...namespacesOf(options),
  });
  if (options.output === 'json') {
    const located = problems.map((problem) => ({
      ...problem,
      file: sources.locations.get(problem.file) ?? problem.file,
    }));
    await writeOutput(`${JSON.stringify({ problems: located }, null, 2)}\n`, options, surroundings);
  } else {
    const described = problems.map((problem) => describeProblem(problem, sources));
    const count = Object.keys(sources.policies).length;
    const text = problems.length === 0 ? `${count} files, nothing wrong` : described.join('\n');
    await writeOutput(`${text}\n`, options, surroundings);
  }
  return problems.length === 0 ? 0 : 1;
}
