import { relative } from 'node:path';
import { diff } from 'node:util';
import { type Paint, painter } from '../src/findings/paint.ts';
import { printable } from '../src/findings/printable.ts';
import { stringifyExactly } from '../src/policy/exact-json.ts';
import type { CoverageReport, LineRange, RegoTest } from '../src/policy/opa.ts';
import type { PolicyTestReport } from '../src/policy/rego-tests.ts';

/** Rego tests for people: by file, a line a test, below a failed one where and why, then what they add up to. */
export function renderTests(
  { tests, coverage }: PolicyTestReport,
  { color, milliseconds }: { readonly color: boolean; readonly milliseconds: number },
): string {
  const paint = painter(color);
  const files = [...Map.groupBy(tests, ({ place }) => place.file)].map(([file, own]) =>
    [paint('bold', shownPath(file)), ...own.flatMap((test) => testLines(test, paint))].join('\n'),
  );
  const count = (outcome: RegoTest['outcome']): number => tests.filter((test) => test.outcome === outcome).length;
  const failed = count('fail') + count('error');
  const skipped = count('skip') === 0 ? '' : `, ${count('skip')} skipped`;
  const time = paint('dim', `in ${(milliseconds / 1000).toFixed(1)} s`);
  return [
    ...files.map((block) => `${block}\n`),
    ...(coverage === null ? [] : [coverageTable(coverage, paint)]),
    ...(failed > 0 || color ? [time] : []),
    `${count('pass')} passed, ${failed} failed${skipped}`,
    '',
  ].join('\n');
}

/** `test_a_host_without_plugins` as the sentence that it is. */
export function sentenceOf({ name }: RegoTest): string {
  return printable(name.replace(/^(?:todo_)?test_/, '').replaceAll('_', ' '));
}

const marks = { pass: ['green', '✔'], fail: ['red', '✘'], error: ['red', '✘'], skip: ['yellow', '○'] } as const;

function testLines(test: RegoTest, paint: Paint): readonly string[] {
  const [style, mark] = marks[test.outcome];
  const time = test.durationNs < 100_000_000 ? '' : `  ${paint('dim', `${Math.round(test.durationNs / 1e6)} ms`)}`;
  const line = `  ${paint(style, mark)} ${sentenceOf(test)}${time}`;
  const printed = (test.printed ?? '').split('\n').filter((text) => text !== '');
  return [
    line,
    ...(test.outcome === 'fail' || test.outcome === 'error'
      ? failureLines(test).map((text) => `      ${painted(text, paint)}`)
      : []),
    ...printed.map((text) => `      ${paint('dim', `│ ${printable(text)}`)}`),
  ];
}

function painted(line: string, paint: Paint): string {
  return line.startsWith('- ') ? paint('red', line) : line.startsWith('+ ') ? paint('green', line) : line;
}

/** Where a test failed and why: the line of Rego with the values in it, or both sides of a comparison line by line. */
export function failureLines({ place, failure, error, cases = [] }: RegoTest): readonly string[] {
  const at = failure?.place ?? place;
  return [
    `${shownPath(at.file)}:${at.row}`,
    ...(error === undefined ? [] : [printable(error)]),
    ...(cases.length === 0 ? [] : [`failed cases: ${cases.map(printable).join(', ')}`]),
    ...(failure === undefined ? [] : explanationLines(failure)),
  ];
}

function explanationLines({ text, compared }: NonNullable<RegoTest['failure']>): readonly string[] {
  const lines = text.replace(/\n+$/, '').replaceAll('\t', '    ').split('\n').map(printable);
  if (compared === undefined) {
    return lines;
  }
  const [expression = ''] = lines;
  return [expression, '- right side, + left side', ...comparedLines(compared.left, compared.right)];
}

/** Lines of JSON that both sides have are left out where nothing near them differs. */
function comparedLines(left: unknown, right: unknown): readonly string[] {
  const linesOf = (value: unknown): string[] =>
    (stringifyExactly(value) === undefined ? 'undefined' : indented(value)).split('\n').map(printable);
  const steps = diff(linesOf(right), linesOf(left));
  const isNear = (index: number): boolean =>
    steps.slice(Math.max(0, index - 2), index + 3).some(([operation]) => operation !== 0);
  return steps.flatMap(([operation, line], index) => {
    // Of util.diff: 1 is only in the first list, -1 only in the second.
    const mark = operation === 1 ? '-' : operation === -1 ? '+' : ' ';
    return operation !== 0 || isNear(index) ? [`${mark} ${line}`] : [];
  });
}

function indented(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item), 2);
}

function coverageTable(coverage: CoverageReport, paint: Paint): string {
  const rows = Object.entries(coverage.files).map(([file, { coverage: percent = 0, not_covered = [] }]) => ({
    file: shownPath(file),
    percent,
    missing: [...new Set(not_covered.map(rangeText))].join(', '),
  }));
  const width = Math.max(0, ...rows.map(({ file }) => file.length));
  const lines = rows.map(({ file, percent, missing }) => {
    const style = percent >= 90 ? 'green' : percent >= 60 ? 'yellow' : 'red';
    const rest = missing === '' ? '' : `  ${paint('dim', `not reached: ${missing}`)}`;
    return `  ${file.padEnd(width)}  ${paint(style, `${percent.toFixed(1).padStart(5)} %`)}${rest}`;
  });
  return [paint('bold', 'coverage of lines'), ...lines, ''].join('\n');
}

function rangeText({ start, end }: LineRange): string {
  return start.row === end.row ? String(start.row) : `${start.row}–${end.row}`;
}

function shownPath(file: string): string {
  const short = relative('', file);
  return printable(short.startsWith('..') || short === '' ? file : short);
}
