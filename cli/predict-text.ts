import { type Paint, painter, type Style } from '../src/findings/paint.ts';
import { allPrintable } from '../src/findings/printable.ts';
import type { DlopenSequence } from '../src/loader/dlopen/predict.ts';
import {
  type DlopenPrediction,
  dlopenReasons,
  isUndecided as isUndecidedDlopen,
} from '../src/loader/dlopen/prediction.ts';
import type { SequencePrediction } from '../src/loader/plugin-open/predict.ts';
import { isUndecided, type OpenPrediction, openReasons } from '../src/loader/plugin-open/prediction.ts';

type Result = OpenPrediction | DlopenPrediction;

const styles: Readonly<Record<Result['outcome'], Style>> = {
  loads: ['bold', 'green'],
  fails: ['bold', 'yellow'],
  crashes: ['bold', 'red'],
  'not-reached': ['bold', 'magenta'],
};

/** Whether a result says only that its object cannot be relied upon. */
export function isUndecidedResult(result: Result): boolean {
  return 'unboundCalls' in result ? isUndecidedDlopen(result.reason) : isUndecided(result.reason);
}

/** The prediction for people: one block an object, in the order in which they are opened. */
export function renderPredictions(
  predicted: SequencePrediction | DlopenSequence,
  options: { readonly color: boolean },
): string {
  const prediction = allPrintable(predicted);
  const paint = painter(options.color);
  const blocks = prediction.results.map((result, index) => block(result, index + 1, prediction.host, paint));
  const call =
    prediction.loader === 'dlopen'
      ? `dlopen with RTLD_${prediction.binding.toUpperCase()} | RTLD_${prediction.scope.toUpperCase()}`
      : 'plugin.Open';
  return `${[paint('dim', `${prediction.host} calls ${call}:`), ...blocks].join('\n\n')}\n`;
}

function block(result: Result, position: number, host: string, paint: Paint): string {
  const { plugin, outcome, reason, message, recoverable, evidence, help } = result;
  const verdict = isUndecidedResult(result) ? 'not known' : outcome;
  const lines = [`${position}. ${paint(styles[outcome], verdict)}  ${paint('bold', plugin)}`];
  lines.push(`   ${paint('dim', `${reason}:`)} ${explanationOf(result)}`);
  if (message !== null) {
    const note = outcome === 'crashes' ? `   (${recoverable ? 'a panic' : 'recover() cannot catch it'})` : '';
    lines.push(`   ${paint('dim', 'prints:')} ${message}${paint('dim', note)}`);
  }
  // Columns wider than this push what stands beside them off the screen.
  const width = Math.min(48, Math.max(0, ...evidence.map(({ at }) => at.length)));
  for (const { path, at, label, value } of evidence) {
    const file = path === undefined || path === plugin || path === host ? '' : `  ${path}`;
    lines.push(
      `   ${paint('dim', '│')} ${paint('dim', at.padEnd(width))}  ${value}  ${paint('dim', `${label}${file}`)}`,
    );
  }
  lines.push(...('unboundCalls' in result ? unboundLines(result, paint) : []));
  if (help !== null) {
    lines.push(`   ${paint('green', 'fix:')} ${help}`);
  }
  return lines.join('\n');
}

function explanationOf(result: Result): string {
  return 'unboundCalls' in result ? dlopenReasons[result.reason] : openReasons[result.reason];
}

const mostListed = 8;

function unboundLines({ unboundCalls }: DlopenPrediction, paint: Paint): readonly string[] {
  const { count, symbols } = unboundCalls;
  const lines = symbols
    .slice(0, mostListed)
    .map(({ symbol, object, message }) =>
      paint('yellow', `   a call of ${symbol} by ${object} ends the process${message === null ? '' : `: ${message}`}`),
    );
  return count > mostListed ? [...lines, `   … ${count} such functions in all; -o json lists more`] : lines;
}
