import { askOpa, type CoverageReport, type RegoTest } from './opa.ts';
import type { OpaOptions } from './opa-program.ts';
import { policyError } from './policy-problems.ts';
import { type PolicySources, readPolicySources } from './policy-sources.ts';
import { parametersWithDefaults, rulesOf } from './rule-metadata.ts';

export interface PolicyTestReport {
  /** In the order of their places; places name files as the reader finds them. */
  readonly tests: readonly RegoTest[];
  /** Null when it was not asked for. */
  readonly coverage: CoverageReport | null;
}

/**
 * Runs the Rego tests of policy directories: every `test_…` in the files, with OPA's own test runner. The parameters
 * of all rules have their defaults; a test sets others by `with params as …`.
 *
 * A failing test is a result, not an error.
 *
 * @throws ElfgateError `policy` when the policies or tests do not compile; `limit`, `unreadable` and `missing-tool`
 * as {@link askOpa} and {@link readPolicySources}.
 */
export async function testPolicies(
  directories: readonly string[],
  options: OpaOptions & { readonly coverage?: boolean },
): Promise<PolicyTestReport> {
  const sources = readPolicySources(directories);
  const everything = { ...sources.policies, ...sources.tests };
  const checked = await askOpa('check', { sources: everything }, options);
  if (checked.outcome === 'rejected') {
    throw policyError(checked.problems, sources);
  }
  const policies = checked.answer.modules.filter(({ file }) => Object.hasOwn(sources.policies, file));
  const parameters: Record<string, Record<string, unknown>> = {};
  for (const rule of rulesOf(policies, checked.answer.annotations).rules) {
    const [family = '', name = ''] = rule.id.split('/');
    parameters[family] = { ...parameters[family], [name]: parametersWithDefaults(rule, {}) };
  }
  const tested = await askOpa(
    'test',
    { sources: everything, data: { elfgate: { parameters } }, coverage: options.coverage ?? false },
    options,
  );
  if (tested.outcome === 'rejected') {
    throw policyError(tested.problems, sources);
  }
  return {
    tests: tested.answer.tests.map((test) => located(test, sources)),
    coverage: tested.answer.coverage ?? null,
  };
}

function located(test: RegoTest, { locations }: PolicySources): RegoTest {
  const locate = <Located extends { readonly file: string }>(place: Located): Located => ({
    ...place,
    file: locations.get(place.file) ?? place.file,
  });
  return {
    ...test,
    place: locate(test.place),
    ...(test.failure && { failure: { ...test.failure, place: locate(test.failure.place) } }),
  };
}
