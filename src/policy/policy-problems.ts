import { ElfgateError } from '../errors.ts';
import { didYouMean } from './configuration/did-you-mean.ts';
import type { PolicyProblem } from './opa.ts';
import type { PolicySources } from './policy-sources.ts';

/** Problems. More than a screen of them hides the first, which is the one to mend. */
const shownAtMost = 10;

/** The error for sources that are wrong: each problem with its line of Rego and a caret below the place. */
export function policyError(problems: readonly PolicyProblem[], sources: PolicySources): ElfgateError {
  const shown = problems.slice(0, shownAtMost).map((problem) => describeProblem(problem, sources));
  const rest = problems.length - shown.length;
  if (rest > 0) {
    shown.push(`… and ${rest} more`);
  }
  return new ElfgateError('policy', shown.join('\n'), { hint: 'elfgate policy check shows the same for a directory' });
}

/**
 * `FILE:ROW:COLUMN: MESSAGE`, and below it the line of Rego with a caret:
 *
 * ```
 * policies/libc/static-nss/static-nss.rego:21:2: undefined function lower_case
 *   21 |     lower_case(name)
 *      |     ^
 * ```
 */
export function describeProblem(problem: PolicyProblem, sources: PolicySources): string {
  const place = sources.locations.get(problem.file) ?? problem.file;
  const message = `${problem.message.replace(/\s*\n\s*/g, '; ')}${suggestion(problem)}`;
  const line = (sources.policies[problem.file] ?? sources.tests[problem.file])?.split('\n')[problem.row - 1];
  if (line === undefined) {
    // What is wrong with a query is in no file.
    return place === '' ? message : `${place}: ${message}`;
  }
  const before = [...line].slice(0, problem.col - 1).join('');
  const number = String(problem.row);
  return [
    `${place}:${problem.row}:${problem.col}: ${message}`,
    `  ${number} | ${withoutTabs(line.trimEnd())}`,
    `  ${' '.repeat(number.length)} | ${' '.repeat(withoutTabs(before).length)}^`,
  ].join('\n');
}

/** What could have been meant; a short list of what there is, where nothing is near. */
function suggestion({ message, known = [] }: PolicyProblem): string {
  const written = /"([^"]+)"$/.exec(message)?.[1] ?? '';
  const meant = didYouMean(written, known);
  if (meant !== null) {
    return `, did you mean ${meant}?`;
  }
  return known.length === 0 || known.length > shownAtMost ? '' : ` (it has ${known.join(', ')})`;
}

function withoutTabs(line: string): string {
  return line.replaceAll('\t', '    ');
}
