import { printable } from '../src/findings/printable.ts';
import type { DlopenSequence } from '../src/loader/dlopen/predict.ts';
import type { SequencePrediction } from '../src/loader/plugin-open/predict.ts';
import { usesColor, writeOutput } from './output.ts';
import { startProgress } from './progress.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface PredictOptions extends SharedOptions {
  readonly root?: string;
  readonly mode: 'plugin' | 'dlopen';
  readonly scope?: 'local' | 'global';
  readonly bind?: 'now' | 'lazy';
  readonly libraryPath?: string;
  readonly preload?: readonly string[];
}

/** `elfgate predict HOST PLUGIN…`: what plugin.Open, or dlopen, does with each, in this order. */
export async function predictCommand(
  host: string,
  plugins: readonly string[],
  options: PredictOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const progress = startProgress(options, surroundings, Date.now);
  const prediction =
    options.mode === 'dlopen'
      ? await dlopens(host, plugins, options, surroundings, progress.file)
      : await pluginOpens(host, plugins, options, progress.file);
  progress.end();
  const { renderPredictions, isUndecidedResult } = await import('./predict-text.ts');
  if (options.output === 'json') {
    await writeOutput(`${JSON.stringify(prediction, null, 2)}\n`, options, surroundings);
  } else {
    const color = options.outputFile === undefined && usesColor(options.color, surroundings.env, surroundings.stdout);
    await writeOutput(renderPredictions(prediction, { color }), options, surroundings);
  }
  const malformed = prediction.results.filter(({ reason }) => reason === 'malformed');
  for (const { plugin, evidence } of malformed) {
    const [{ path = plugin, at = 'file', value = 'contradicts its format' } = {}] = evidence;
    surroundings.stderr.write(`${printable(`cannot decide[malformed]: ${path}: ${at}: ${value}`)}\n`);
  }
  if (malformed.length > 0) {
    return 2;
  }
  if (options.quiet !== true && prediction.results.some(isUndecidedResult)) {
    surroundings.stderr.write('some outcomes are not known; they are counted as failures\n');
  }
  return prediction.results.every(({ outcome }) => outcome === 'loads') ? 0 : 1;
}

async function pluginOpens(
  host: string,
  plugins: readonly string[],
  options: PredictOptions,
  onFile: (path: string) => void,
): Promise<SequencePrediction> {
  for (const [name, value] of [
    ['--scope', options.scope],
    ['--bind', options.bind],
  ]) {
    if (value !== undefined) {
      throw usageError(`${name} is for dlopen`, 'add --mode dlopen; plugin.Open always binds now and globally');
    }
  }
  const { predictPluginOpens } = await import('../src/loader/plugin-open/predict.ts');
  const environment = { libraryPath: options.libraryPath ?? '', preload: options.preload ?? [] };
  return predictPluginOpens(host, plugins, { root: options.root ?? null, environment, onFile });
}

async function dlopens(
  host: string,
  objects: readonly string[],
  options: PredictOptions,
  surroundings: Surroundings,
  onFile: (path: string) => void,
): Promise<DlopenSequence> {
  const { predictDlopens } = await import('../src/loader/dlopen/predict.ts');
  const { directoryTree } = await import('../src/image/directory.ts');
  const { fileInRoot } = await import('./file-in-root.ts');
  const root = options.root ?? '/';
  const tree = directoryTree(root);
  const named = (name: string) => fileInRoot(name, root, tree, surroundings);
  return predictDlopens(named(host), objects.map(named), {
    root: tree,
    scope: options.scope ?? 'local',
    binding: options.bind ?? 'now',
    ...(options.libraryPath === undefined ? {} : { libraryPath: options.libraryPath }),
    preload: options.preload ?? [],
    onFile,
  });
}
