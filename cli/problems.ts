import type { FactsDocument } from '../src/facts/schema.ts';
import { printable } from '../src/findings/printable.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

/** Prints the files that could not be read, a line each, and tells whether there were any. */
export function reportProblems(
  documents: readonly FactsDocument[],
  options: SharedOptions,
  { stderr }: Surroundings,
): boolean {
  const problems = documents.flatMap(({ subject, problems }) => problems.map((problem) => ({ subject, problem })));
  for (const { subject, problem } of problems) {
    const message = problem.message.startsWith(problem.path) ? problem.message : `${problem.path}: ${problem.message}`;
    stderr.write(`${printable(`cannot decide[${problem.code}]: ${subject.name}: ${message}`)}\n`);
  }
  if (problems.length > 0 && options.quiet !== true) {
    stderr.write('  = the other files are reported; the exit code is 2 because these are not\n');
  }
  return problems.length > 0;
}
