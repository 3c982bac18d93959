import { askOpa, type CoverageReport, type RegoTest } from './opa.ts';
import type { OpaOptions } from './opa-program.ts';
import { policyError } from './policy-problems.ts';
import { type PolicyDirectory, type PolicySources, readPolicySources } from './policy-sources.ts';

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
  directories: readonly PolicyDirectory[],
  options: OpaOptions & { readonly coverage?: boolean },
): Promise<PolicyTestReport> {
  const sources = readPolicySources(directories);
  const everything = { ...sources.policies, ...sources.tests };
  const tested = await askOpa('test', { sources: everything, coverage: options.coverage ?? false }, options);
  if (tested.outcome === 'rejected') {
    throw policyError(tested.problems, sources);
  }
  return {
    tests: tested.answer.tests.map((test) => located(test, sources)),
    coverage: tested.answer.coverage === undefined ? null : locatedCoverage(tested.answer.coverage, sources),
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

function locatedCoverage(coverage: CoverageReport, { locations }: PolicySources): CoverageReport {
  const files = Object.entries(coverage.files).map(([file, lines]) => [locations.get(file) ?? file, lines]);
  return { ...coverage, files: Object.fromEntries(files) };
}
