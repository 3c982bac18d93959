import { markupLines, markupText } from '../src/findings/markup.ts';
import type { RegoTest } from '../src/policy/opa.ts';
import { failureLines, sentenceOf } from './policy-test-text.ts';

/** Rego tests as JUnit's XML: a suite a file, a case a test, times in seconds. */
export function renderTestsAsJunit(tests: readonly RegoTest[]): string {
  const suites = [...Map.groupBy(tests, ({ place }) => place.file)].map(([file, cases]) =>
    [`  <testsuite name="${markupText(file)}" ${totals(cases)}>`, ...cases.map(caseElement), '  </testsuite>'].join(
      '\n',
    ),
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="elfgate policy test" ${totals(tests)}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function caseElement(test: RegoTest): string {
  const open = `    <testcase classname="${markupText(test.package)}" name="${markupText(sentenceOf(test))}" time="${seconds(test.durationNs)}"`;
  switch (test.outcome) {
    case 'pass':
      return `${open}/>`;
    case 'skip':
      return `${open}><skipped/></testcase>`;
    case 'fail':
    case 'error': {
      const element = test.outcome === 'fail' ? 'failure' : 'error';
      const { file, row } = test.failure?.place ?? test.place;
      const message = markupText(test.error ?? `${file}:${row}`);
      return `${open}><${element} message="${message}">${markupLines(failureLines(test))}</${element}></testcase>`;
    }
  }
}

function totals(tests: readonly RegoTest[]): string {
  const count = (outcome: RegoTest['outcome']): number => tests.filter((test) => test.outcome === outcome).length;
  const time = seconds(tests.reduce((sum, { durationNs }) => sum + durationNs, 0));
  return `tests="${tests.length}" failures="${count('fail')}" errors="${count('error')}" skipped="${count('skip')}" time="${time}"`;
}

function seconds(nanoseconds: number): string {
  return (nanoseconds / 1e9).toFixed(6);
}
