import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { load } from 'js-yaml';
import { inspectObjects } from '../../../src/admission/inspect-manifest.ts';
import { ElfgateError } from '../../../src/errors.ts';
import { compilePolicies } from '../../../src/policy/compile-policies.ts';
import { loadPolicy, type PolicyFinding } from '../../../src/policy/evaluation.ts';
import type { PolicyBundle } from '../../../src/policy/policy-bundle.ts';
import { parametersWithDefaults } from '../../../src/policy/rule-metadata.ts';
import { directoryOf, engineFiles, opaOptions } from '../scratch.ts';

/** What became of one case of a suite. */
export interface CaseResult {
  /** `general/httpsonly: tls-required: example-allowed` */
  readonly name: string;
  readonly outcome: 'as-asserted' | 'different' | 'refused';
  readonly reason: string | null;
}

/** A template with one constraint, and the objects that it is tried on. */
interface SuiteTest {
  readonly name: string;
  readonly template: string;
  readonly constraint: string;
  /** `gatekeeper/KIND.NAME` */
  readonly rule: string;
  readonly cases: readonly {
    readonly name: string;
    readonly object: string;
    readonly assertions: readonly Assertion[];
  }[];
}

interface Assertion {
  readonly violations?: number | string | boolean;
  readonly message?: string;
}

const engine = directoryOf(engineFiles);

/** Runs every `suite.yaml` below a directory, as `gator verify` does, with templates and constraints as they are. */
export async function runSuites(directory: string): Promise<readonly CaseResult[]> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('suite.yaml'),
  );
  const tests = files.sort().flatMap((file) => testsOf(join(directory, file), directory));
  // One that is refused must not take the others along.
  const [alone, together] = [true, false].map((reads) =>
    tests.filter(({ template }) => readFileSync(template, 'utf8').includes('data.inventory') === reads),
  );
  const results: CaseResult[] = [];
  for (const batch of [...batchesOf(together ?? []), ...(alone ?? []).map((test) => [test])]) {
    results.push(...(await runBatch(batch)));
  }
  return results;
}

function testsOf(file: string, directory: string): readonly SuiteTest[] {
  const folder = dirname(file);
  const suite = load(readFileSync(file, 'utf8')) as {
    readonly tests: readonly (Omit<SuiteTest, 'cases'> & Partial<Pick<SuiteTest, 'cases'>>)[];
  };
  return suite.tests.map(({ name, template, constraint, cases = [] }) => {
    const { kind, metadata } = load(readFileSync(join(folder, constraint), 'utf8')) as {
      readonly kind: string;
      readonly metadata: { readonly name: string };
    };
    return {
      name: `${relative(directory, folder)}: ${name}`,
      template: join(folder, template),
      constraint: join(folder, constraint),
      rule: `gatekeeper/${kind}.${metadata.name}`.toLowerCase(),
      cases: cases.map((one) => ({ ...one, object: join(folder, one.object) })),
    };
  });
}

/** As many tests as can be compiled at once: constraints of one kind have different names. */
function batchesOf(tests: readonly SuiteTest[]): readonly (readonly SuiteTest[])[] {
  const batches: SuiteTest[][] = [];
  for (const test of tests) {
    const free = batches.find((batch) =>
      batch.every(({ rule, constraint }) => rule !== test.rule || constraint === test.constraint),
    );
    if (free === undefined) {
      batches.push([test]);
    } else {
      free.push(test);
    }
  }
  return batches;
}

async function runBatch(tests: readonly SuiteTest[]): Promise<readonly CaseResult[]> {
  const paths = [...new Set(tests.flatMap(({ template, constraint }) => [template, constraint]))];
  const copies = directoryOf(
    Object.fromEntries(paths.map((path, index) => [`${index}.yaml`, readFileSync(path, 'utf8')])),
  );
  let policies: PolicyBundle;
  try {
    policies = await compilePolicies([engine, copies], opaOptions);
  } catch (error) {
    if (!(error instanceof ElfgateError) || tests.length > 1) {
      throw error;
    }
    const reason = error.message.replaceAll(`${copies}/`, '');
    return tests.flatMap((test) =>
      test.cases.map(({ name }): CaseResult => ({ name: `${test.name}: ${name}`, outcome: 'refused', reason })),
    );
  }
  const results: CaseResult[] = [];
  for (const test of tests) {
    const rule = policies.rules.find(({ id }) => id === test.rule);
    if (rule === undefined) {
      throw new Error(`${test.constraint}: became no rule ${test.rule}`);
    }
    const policy = await loadPolicy(policies, new Map([[rule.id, { parameters: parametersWithDefaults(rule, {}) }]]));
    for (const { name, object, assertions } of test.cases) {
      const findings = inspectObjects(object).flatMap((facts) => policy.evaluate(facts));
      const reason = assertions.map((one) => contradiction(one, findings)).find((text) => text !== null) ?? null;
      results.push({ name: `${test.name}: ${name}`, outcome: reason === null ? 'as-asserted' : 'different', reason });
    }
  }
  return results;
}

function contradiction({ violations = 'yes', message }: Assertion, findings: readonly PolicyFinding[]): string | null {
  const pattern = message === undefined ? null : new RegExp(message);
  const counted = findings.filter((finding) => pattern === null || pattern.test(finding.message)).length;
  const expected = violations === true ? 'yes' : violations === false ? 'no' : violations;
  const holds = expected === 'yes' ? counted > 0 : expected === 'no' ? counted === 0 : counted === expected;
  return holds ? null : `${counted} violations, where ${expected} are asserted`;
}
