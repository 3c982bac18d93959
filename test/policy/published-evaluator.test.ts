import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as publishedEvaluator from '@open-policy-agent/opa-wasm';
import test from 'ava';
import { inspect } from '../../src/facts/inspect.ts';
import { compilePolicies } from '../../src/policy/compile-policies.ts';
import { defaultConfiguration } from '../../src/policy/configuration/configuration.ts';
import { rulesInForce } from '../../src/policy/enforcement.ts';
import { baseData, findingsOf, loadPolicy } from '../../src/policy/evaluation.ts';
import { artifacts } from '../lab/lab.ts';
import { opaOptions } from './scratch.ts';

// Of CommonJS, whose names Node does not see.
const published: typeof publishedEvaluator = createRequire(import.meta.url)('@open-policy-agent/opa-wasm');
const policies = join(import.meta.dirname, '..', '..', 'policies');

test('the evaluator that OPA publishes for JavaScript finds the same in real binaries', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin@1.25', 'go/plugin-trimpath', 'c/my-api']);
  if (!lab.available) {
    t.log(lab.reason);
    t.pass();
    return;
  }
  const { path } = lab;
  const documents = await inspect(
    [
      { name: path['go/host'], role: 'host' },
      { name: path['go/plugin@1.25'], role: 'plugin' },
      { name: path['go/plugin-trimpath'], role: 'plugin' },
      { name: path['c/my-api'], role: null },
    ],
    { symbols: 'counted' },
  );
  const bundle = await compilePolicies([policies], opaOptions);
  const rulesOn = rulesInForce({ ...defaultConfiguration, ruleSet: 'strict' }, bundle.rules);
  const ours = await loadPolicy(bundle, rulesOn);
  const theirs = await published.loadPolicy(bundle.wasm, {}, { trace: () => true });
  theirs.setData(baseData(bundle, rulesOn));
  const rules = new Map(bundle.rules.map((rule) => [rule.id, rule]));
  let findings = 0;
  for (const document of documents) {
    const [answer] = theirs.evaluate(document) as readonly { readonly result: unknown }[];
    const found = ours.evaluate(document);
    t.deepEqual(findingsOf(answer?.result, rules), found);
    findings += found.length;
  }
  t.log(`${findings} findings in ${documents.length} documents`);
  t.true(findings > 0);
});
