import { type DlopenPrediction, isUndecided } from '../../../src/loader/dlopen/prediction.ts';
import { type OpeningMode, startProcess } from '../../../src/loader/dlopen/process.ts';
import type { LibraryShelf } from '../../../src/loader/library-closure/library-shelf.ts';
import type { NamedFile } from '../../../src/loader/library-closure/main-object.ts';
import { openAll, type RunOptions } from '../../lab/run.ts';

/** One dlopen: what was predicted, what happened, and how the two compare. */
export interface ComparedOpening {
  readonly object: string;
  readonly predicted: DlopenPrediction;
  readonly real: {
    readonly outcome: 'loads' | 'fails' | 'ends in an initialiser' | 'ends' | 'not-reached';
    /** dlerror(), or the last of standard error. */
    readonly message: string | null;
  };
  /**
   * `outcome`: it happens, and the prediction does not claim to know the text. `undecided`: the prediction does not claim
   * to know, and does not say `loads`. `initialiser`: the loader did all of its work, as predicted, and code of the
   * library ended the process before dlopen returned.
   */
  readonly verdict: 'agrees' | 'outcome' | 'undecided' | 'initialiser' | 'disagrees';
}

export const everyMode: readonly OpeningMode[] = (['local', 'global'] as const).flatMap((scope) =>
  (['now', 'lazy'] as const).map((binding) => ({ scope, binding })),
);

export const fileOfThisMachine = (path: string): NamedFile => ({ name: path, place: path, inRoot: path });

/** Predicts a sequence of dlopen calls, has it done for real in a process of its own, and compares both. */
export async function compareOpenings(
  host: string,
  objects: readonly string[],
  mode: OpeningMode,
  shelf: LibraryShelf,
  options: { readonly libraryPath?: string; readonly preload?: readonly string[] } = {},
): Promise<readonly ComparedOpening[]> {
  const process = startProcess(fileOfThisMachine(host), shelf, options);
  const predictions = objects.map((object) => process.open(fileOfThisMachine(object), mode));
  const environment = {
    ...(options.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: options.libraryPath }),
    ...(options.preload === undefined ? {} : { LD_PRELOAD: options.preload.join(':') }),
  };
  const real = await realOpenings(host, objects, mode, environment);
  return predictions.map((predicted, index) => {
    const happened = real[index] ?? { outcome: 'not-reached', message: null };
    // What an initialiser ended cannot be gone on with; the prediction of the rest is not put to the test.
    if (happened.outcome === 'not-reached' && real.at(-1)?.outcome === 'ends in an initialiser') {
      return { object: objects[index] ?? '', predicted, real: happened, verdict: 'initialiser' };
    }
    return { object: objects[index] ?? '', predicted, real: happened, verdict: verdictOn(predicted, happened) };
  });
}

// Milliseconds; opening takes a tenth of one, on a machine that is busy a second.
const patience = 60_000;

async function realOpenings(
  host: string,
  objects: readonly string[],
  { scope, binding }: OpeningMode,
  environment: Readonly<Record<string, string>>,
): Promise<readonly ComparedOpening['real'][]> {
  const options: RunOptions & { readonly flags: readonly string[] } = {
    flags: [`--${scope}`, `--${binding}`],
    timeout: patience,
    environment,
  };
  const { openings, stderr } = await openAll(host, objects, options);
  const real = openings.map(({ outcome, message }): ComparedOpening['real'] =>
    outcome === 'loads' ? { outcome, message: null } : { outcome: 'fails', message },
  );
  if (openings.length < objects.length) {
    // The loader says itself how far it came.
    const told = await openAll(host, objects, { ...options, environment: { ...environment, LD_DEBUG: 'files' } });
    const inInitialiser = told.stderr.lastIndexOf('calling init: ') > told.stderr.lastIndexOf('dynamically loaded by');
    real.push({
      outcome: inInitialiser ? 'ends in an initialiser' : 'ends',
      message: stderr.trimEnd().split('\n').at(-1) ?? null,
    });
  }
  return real;
}

function verdictOn(predicted: DlopenPrediction, real: ComparedOpening['real']): ComparedOpening['verdict'] {
  if (isUndecided(predicted.reason)) {
    return predicted.outcome === 'loads' ? 'disagrees' : 'undecided';
  }
  if (real.outcome === 'ends in an initialiser') {
    return predicted.outcome === 'loads' && predicted.initialisers.length > 0 ? 'initialiser' : 'disagrees';
  }
  const sameOutcome = predicted.outcome === (real.outcome === 'ends' ? 'crashes' : real.outcome);
  if (sameOutcome && predicted.message === null && real.outcome === 'fails') {
    return 'outcome';
  }
  return sameOutcome && (real.outcome !== 'fails' || predicted.message === real.message) ? 'agrees' : 'disagrees';
}
