import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.js';
import { formatPolicies } from '../../src/policy/compile-policies.ts';
import { artifact } from '../lab/lab.ts';
import { factsOfCase } from './judge-case.ts';
import { type RuleCase, ruleCases } from './rule-cases.ts';

/**
 * Writes the facts of every rule's real binaries next to the rule, as Rego, for its Rego tests:
 * `node test/policies/record-facts.ts`. Run it after the facts document changed.
 *
 * Cases whose binaries cannot be built on this machine keep what was recorded before.
 */
const policies = join(import.meta.dirname, '..', '..', 'policies');

for (const [rule, cases] of Object.entries(ruleCases)) {
  const [family = '', name = ''] = rule.split('/');
  const file = join(policies, family, name, 'recorded_test.rego');
  const parts = [
    `# Facts of real binaries, written by test/policies/record-facts.ts.\npackage elfgate.recorded.${family}["${name}"]\n`,
  ];
  let complete = true;
  for (const [kind, ruleCase] of Object.entries(cases)) {
    const facts = await factsOfCase(ruleCase);
    if (!facts.available) {
      process.stderr.write(`${rule}: ${kind}: ${facts.reason}\n`);
      complete = false;
      continue;
    }
    const text = await withoutMachinePaths(JSON.stringify(facts.documents, null, '\t'), ruleCase);
    parts.push(`${kind} := ${text}\n`);
  }
  if (complete) {
    writeFileSync(file, parts.join('\n'));
    process.stderr.write(`${rule}: ${readFileSync(file).length} bytes\n`);
  }
}

const options = { cacheDirectory: cacheDirectory(process.env), environment: process.env };
for (const { location, text, changed } of await formatPolicies([policies], options)) {
  if (changed) {
    writeFileSync(location, text);
  }
}

/** Where the lab keeps a file differs from machine to machine; which artifact it is does not. */
async function withoutMachinePaths(text: string, { targets }: RuleCase): Promise<string> {
  const built = (
    await Promise.all(targets.map(async ({ artifact: name }) => ({ name, ...(await artifact(name)) })))
  ).filter((one) => one.available);
  const named = built.reduce((result, { name, path }) => result.replaceAll(path, `lab/${name}`), text);
  // What a linker wrote into a file (a search path) names the folder of the lab alone.
  return built.reduce((result, { path }) => result.replaceAll(dirname(dirname(path)), 'lab'), named);
}
