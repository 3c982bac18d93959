import { predictPluginOpens } from '../src/loader/plugin-open/predict.ts';
import { isUndecided, type OpenPrediction } from '../src/loader/plugin-open/prediction.ts';
import { usesColor, writeOutput } from './output.ts';
import { startProgress } from './progress.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface PredictOptions extends SharedOptions {
  readonly root?: string;
}

/** `elfgate predict HOST PLUGIN…`: what plugin.Open does with each, in this order. */
export async function predictCommand(
  host: string,
  plugins: readonly string[],
  options: PredictOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const progress = startProgress(options, surroundings, () => performance.now());
  const prediction = predictPluginOpens(host, plugins, { root: options.root ?? null, onFile: progress.file });
  progress.end();
  if (options.output === 'json') {
    await writeOutput(`${JSON.stringify(prediction, null, 2)}\n`, options, surroundings);
  } else {
    const { renderPredictions } = await import('./predict-text.ts');
    const color = options.outputFile === undefined && usesColor(options.color, surroundings.env, surroundings.stdout);
    await writeOutput(renderPredictions(prediction, { color }), options, surroundings);
  }
  if (options.quiet !== true && prediction.results.some(isUndecidedResult)) {
    surroundings.stderr.write('some outcomes are not known; they are counted as failures\n');
  }
  return prediction.results.every(({ outcome }) => outcome === 'loads') ? 0 : 1;
}

function isUndecidedResult({ reason }: OpenPrediction): boolean {
  return isUndecided(reason);
}
