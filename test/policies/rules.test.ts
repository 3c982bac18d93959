import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cacheDirectory } from '../../cli/directories.js';
import type { Finding } from '../../src/findings/finding.ts';
import { formatPolicies } from '../../src/policy/compile-policies.ts';
import { testPolicies } from '../../src/policy/rego-tests.ts';
import { checkoutPolicies, factsOfCase, findingsOfRule } from './judge-case.ts';
import { type RuleCase, ruleCases } from './rule-cases.ts';

const policies = join(import.meta.dirname, '..', '..', 'policies');
const options = { cacheDirectory: cacheDirectory(process.env), environment: process.env };

for (const [rule, cases] of Object.entries(ruleCases)) {
  judged(`${rule}: a real binary that violates it is found`, rule, cases.violating, (t, findings) => {
    const decided = findings.filter(({ message }) => !message.startsWith('cannot tell'));
    t.true(decided.length > 0);
    for (const finding of decided) {
      t.true(finding.evidence.length > 0, 'a finding shows what it rests on');
      t.false(finding.message.endsWith('.'), 'a message has no final stop');
      t.true(finding.severity !== 'info' || ['linkage/hardening', 'plugin/debug-info'].includes(rule));
    }
  });
  judged(`${rule}: a real binary that follows it passes`, rule, cases.passing, (t, findings) => {
    t.deepEqual(findings, []);
  });
  if (cases.unknown !== undefined) {
    judged(`${rule}: a real binary that does not tell is said not to`, rule, cases.unknown, (t, findings) => {
      t.true(
        findings.some(({ severity, message }) => severity === 'info' && message.startsWith('cannot tell because ')),
      );
      t.false(
        findings.some(({ severity }) => severity === 'error'),
        'nothing is guessed',
      );
    });
  }
}

type Assertion = (t: ExecutionContext, findings: readonly Finding[]) => void;

function judged(title: string, rule: string, ruleCase: RuleCase, assertion: Assertion): void {
  test(title, async (t) => {
    t.timeout(600_000, 'building real binaries takes minutes on the first run');
    const facts = await factsOfCase(ruleCase);
    if (!facts.available) {
      t.log(`not run: ${facts.reason}`);
      t.pass();
      return;
    }
    assertion(t, await findingsOfRule(rule, facts.documents, ruleCase.parameters ?? {}));
  });
}

test('every rule has cases of real binaries, and every case a rule', async (t) => {
  const { rules } = await checkoutPolicies();
  t.deepEqual(Object.keys(ruleCases).sort(), rules.map(({ id }) => id).sort());
});

test('the Rego tests of all rules pass', async (t) => {
  t.timeout(120_000);
  const { tests } = await testPolicies([policies], options);
  const { rules } = await checkoutPolicies();
  t.deepEqual(
    tests.filter(({ outcome }) => outcome !== 'pass'),
    [],
  );
  for (const { id } of rules) {
    t.true(
      tests.some(({ place }) => place.file.includes(`/${id}/`)),
      `${id} has Rego tests`,
    );
  }
});

test('policies are formatted as opa fmt writes them', async (t) => {
  t.timeout(120_000);
  const files = await formatPolicies([policies], options);
  t.deepEqual(
    files.filter(({ changed }) => changed).map(({ location }) => location),
    [],
  );
});

test('descriptions say what is detected, why it matters and how to mend it', async (t) => {
  const { rules } = await checkoutPolicies();
  for (const { id, description, relatedResources, file } of rules) {
    t.is(description.split('\n\n').length >= 3, true, `${id} has three paragraphs`);
    t.regex(description, /^Detects /, id);
    t.true(relatedResources.length > 0, `${id} names where its claim comes from`);
    t.notRegex(readFileSync(join(policies, file), 'utf8'), /TODO/, id);
  }
});
