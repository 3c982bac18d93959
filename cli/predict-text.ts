import { type Paint, painter, type Style } from '../src/findings/paint.ts';
import { allPrintable } from '../src/findings/printable.ts';
import type { SequencePrediction } from '../src/loader/plugin-open/predict.ts';
import { isUndecided, type OpenPrediction, openReasons } from '../src/loader/plugin-open/prediction.ts';

const styles: Readonly<Record<OpenPrediction['outcome'], Style>> = {
  loads: ['bold', 'green'],
  fails: ['bold', 'yellow'],
  crashes: ['bold', 'red'],
  'not-reached': ['bold', 'magenta'],
};

/** The prediction for people: one block a plugin, in the order in which they are opened. */
export function renderPredictions(predicted: SequencePrediction, options: { readonly color: boolean }): string {
  const prediction = allPrintable(predicted);
  const paint = painter(options.color);
  const blocks = prediction.results.map((result, index) => block(result, index + 1, prediction.host, paint));
  return `${[paint('dim', `${prediction.host} calls plugin.Open:`), ...blocks].join('\n\n')}\n`;
}

function block(
  { plugin, outcome, reason, message, recoverable, evidence, help }: OpenPrediction,
  position: number,
  host: string,
  paint: Paint,
): string {
  const verdict = isUndecided(reason) ? 'not known' : outcome;
  const lines = [`${position}. ${paint(styles[outcome], verdict)}  ${paint('bold', plugin)}`];
  lines.push(`   ${paint('dim', `${reason}:`)} ${openReasons[reason]}`);
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
  if (help !== null) {
    lines.push(`   ${paint('green', 'fix:')} ${help}`);
  }
  return lines.join('\n');
}
