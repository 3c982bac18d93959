import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.ts';
import { publishedCases, runCases } from './rego-cases.ts';

/**
 * Runs all of OPA's published cases, or those of the categories that are named, and prints how many passed, were
 * refused and failed in each. `--write` lists the counts and every failing case in docs/rego-conformance.md.
 */
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const writes = process.argv.includes('--write');
const cases = publishedCases(process.env).filter(
  ({ category, note }) => names.length === 0 || names.some((name) => category === name || note.startsWith(name)),
);
const outcomes = await runCases(cases, { cacheDirectory: cacheDirectory(process.env), environment: process.env });

const counts = new Map<string, Record<'passed' | 'refused' | 'failed', number>>();
const total = { passed: 0, refused: 0, failed: 0 };
const failures: string[] = [];
for (const [index, one] of cases.entries()) {
  const result = outcomes[index] ?? { outcome: 'failed', reason: 'it was not run' };
  const count = counts.get(one.category) ?? { passed: 0, refused: 0, failed: 0 };
  counts.set(one.category, { ...count, [result.outcome]: count[result.outcome] + 1 });
  total[result.outcome]++;
  if (result.outcome === 'failed') {
    failures.push(`${one.category}\t${one.note}\t${result.reason}`);
  }
}
for (const [category, { passed, refused, failed }] of counts) {
  process.stdout.write(`${category.padEnd(48)} ${passed} passed, ${refused} refused, ${failed} failed\n`);
}
process.stdout.write(`\n${failures.map((line) => `${line}\n`).join('')}`);
process.stdout.write(
  `\n${cases.length} cases: ${total.passed} passed, ${total.refused} refused, ${total.failed} failed\n`,
);
if (writes) {
  writeFileSync(join(import.meta.dirname, '..', '..', 'docs', 'rego-conformance.md'), failures.join('\n'));
}
