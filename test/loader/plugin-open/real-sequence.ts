import { existsSync } from 'node:fs';
import { predictPluginOpens } from '../../../src/loader/plugin-open/predict.ts';
import { isUndecided, type OpenPrediction } from '../../../src/loader/plugin-open/prediction.ts';
import { type ArtifactName, artifacts, isArtifactName } from '../../lab/lab.ts';
import { type Openings, openAll } from '../../lab/run.ts';
import { type OddFile, oddFile } from './odd-files.ts';

/** A host, and what it opens in this order: artifacts of the lab, or files that are none. */
export interface SequenceCase {
  readonly host: ArtifactName;
  readonly plugins: readonly (ArtifactName | OddFile)[];
}

export interface Step {
  readonly plugin: string;
  readonly predicted: OpenPrediction;
  /** What happened, in the words of a prediction. */
  readonly real: { readonly outcome: OpenPrediction['outcome'] | 'hangs'; readonly message: string | null };
  /** `outcome`: it happens, and the prediction does not claim to know the text. `undecided`: the prediction does not claim to know, and does not say `loads`. */
  readonly verdict: 'agrees' | 'outcome' | 'undecided' | 'disagrees';
}

// Milliseconds. A host that hangs does so for ever; one that works is done in a tenth of the first, and may need the
// second on a machine that is busy with something else.
const patience = 4_000;
const longPatience = 60_000;

/** Predicts a sequence, runs it for real, and compares both step by step. */
export async function compareWithReality({
  host,
  plugins,
}: SequenceCase): Promise<
  { readonly available: true; readonly steps: readonly Step[] } | { readonly available: false; readonly reason: string }
> {
  const names = plugins.filter(isArtifactName);
  const lab = await artifacts([host, ...names]);
  if (!lab.available) {
    return lab;
  }
  const path: Readonly<Partial<Record<string, string>>> = lab.path;
  const paths = await Promise.all(plugins.map((name) => path[name] ?? oddFile(name as OddFile)));
  const emulator = emulatorOf(host);
  if (emulator !== null && !emulator.available) {
    return emulator;
  }
  const { results } = predictPluginOpens(lab.path[host], paths, { root: emulator?.root ?? null });
  const isToHang = results.some(({ reason }) => reason === 'open-hangs');
  const [program, given] =
    emulator === null ? [lab.path[host], paths] : [emulator.program, ['-L', emulator.root, lab.path[host], ...paths]];
  const quick = await openAll(program, given, { timeout: emulator === null || isToHang ? patience : longPatience });
  const openings =
    quick.ending === 'hangs' && !isToHang ? await openAll(program, given, { timeout: longPatience }) : quick;
  return {
    available: true,
    steps: results.map((predicted, index) => {
      const real = realStep(openings, index);
      return { plugin: plugins[index] ?? '', predicted, real, verdict: verdictOn(predicted, real) };
    }),
  };
}

const emulated = {
  arm64: { program: '/usr/bin/qemu-aarch64-static', root: '/usr/aarch64-linux-gnu' },
  s390x: { program: '/usr/bin/qemu-s390x-static', root: '/usr/s390x-linux-gnu' },
} as const;

/** How a host of another processor is run here, and where its libraries are; `null` for one of this machine. */
function emulatorOf(
  host: ArtifactName,
):
  | { readonly available: true; readonly program: string; readonly root: string }
  | { readonly available: false; readonly reason: string }
  | null {
  const architecture = /^cross\/.*-(arm64|s390x)$/.exec(host)?.[1];
  if (architecture !== 'arm64' && architecture !== 's390x') {
    return null;
  }
  const emulator = emulated[architecture];
  return existsSync(emulator.program)
    ? { available: true, ...emulator }
    : { available: false, reason: `${emulator.program} is not on this machine: apt-get install qemu-user-static` };
}

function realStep({ openings, ending, stderr }: Openings, index: number): Step['real'] {
  const opening = openings[index];
  switch (opening?.outcome) {
    case 'loads':
      return { outcome: 'loads', message: null };
    case 'fails':
      return { outcome: 'fails', message: opening.message.replace(/^plugin\.Open\("[^"]*"\): /, '') };
    case 'panics':
      return { outcome: 'crashes', message: `panic: ${opening.message}` };
    default:
      break;
  }
  if (index > openings.length) {
    return { outcome: 'not-reached', message: null };
  }
  const fatal = stderr.split('\n').find((line) => /^(?:fatal error|panic|SIG)/.test(line)) ?? null;
  return ending === 'hangs' ? { outcome: 'hangs', message: null } : { outcome: 'crashes', message: fatal };
}

function verdictOn(predicted: OpenPrediction, real: Step['real']): Step['verdict'] {
  if (isUndecided(predicted.reason)) {
    return predicted.outcome === 'loads' ? 'disagrees' : 'undecided';
  }
  if (real.outcome === 'hangs') {
    return predicted.reason === 'open-hangs' ? 'agrees' : 'disagrees';
  }
  if (predicted.outcome !== real.outcome) {
    return 'disagrees';
  }
  if (predicted.message === null && predicted.reason === 'plugin-path-mismatch') {
    // The runtime walks a map: any of several names may be in the text, and no other.
    const names = predicted.evidence.filter(({ label }) => label === 'symbol').map(({ value }) => value);
    const named = /^could not find symbol (\w+): /.exec(real.message ?? '')?.[1];
    return names.some((name) => name.endsWith(`.${named}`)) ? 'agrees' : 'disagrees';
  }
  if (predicted.message === null && real.message !== null) {
    return 'outcome';
  }
  return predicted.message === real.message ? 'agrees' : 'disagrees';
}
