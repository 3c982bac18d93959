import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from '../../../src/facts/inspect.ts';
import { type ArtifactName, artifacts } from '../../lab/lab.ts';
import { mayChangeRoot, runInRoot } from '../../lab/run.ts';

/** What one static program of a root does with one nsswitch.conf. */
export interface LookUp {
  readonly program: string;
  readonly services: string | null;
  /** The gravest of the predictions about the program. */
  readonly predicted: 'certain' | 'possible' | 'none';
  readonly reasons: readonly string[];
  readonly real: 'dies' | 'lives';
  readonly verdict: 'agrees' | 'undecided' | 'disagrees';
}

export type LookUps =
  | { readonly available: true; readonly lookUps: readonly LookUp[] }
  | { readonly available: false; readonly reason: string };

/**
 * Lets programs look up a host and a user that nobody knows, in a copy of a root whose nsswitch.conf names `services` for
 * both, and compares with what is predicted of that copy.
 */
export async function compareLookUps(
  root: ArtifactName,
  services: string | null,
  programs: readonly string[],
): Promise<LookUps> {
  if (!mayChangeRoot) {
    return { available: false, reason: 'changing the root needs the superuser: run it with sudo' };
  }
  const lab = await artifacts([root]);
  if (!lab.available) {
    return lab;
  }
  const copy = mkdtempSync(join(tmpdir(), 'elfgate-root-'));
  try {
    cpSync(lab.path[root], copy, { recursive: true, verbatimSymlinks: true });
    const configuration = join(copy, 'etc/nsswitch.conf');
    rmSync(configuration, { force: true });
    if (services !== null) {
      writeFileSync(configuration, `passwd: ${services}\ngroup: ${services}\nhosts: ${services}\n`);
    }
    const [document] = await inspect([{ name: copy, role: null }], { symbols: 'counted' });
    const lookUps: LookUp[] = [];
    for (const program of programs) {
      const path = `usr/bin/${program}`;
      const about = (document?.predictions.nameServices ?? []).filter((each) => each.path === path);
      const predicted =
        (['certain', 'possible'] as const).find((verdict) => about.some((each) => each.verdict === verdict)) ?? 'none';
      const { exitCode, signal } = await runInRoot(copy, `/${path}`, ['nobody.invalid', 'nobody-here']);
      // The Go runtime turns signals into exit code 2; an assertion of glibc is SIGABRT.
      const real = signal !== null || exitCode === 2 || exitCode === 134 ? 'dies' : 'lives';
      const agrees = (predicted === 'certain') === (real === 'dies');
      lookUps.push({
        program,
        services,
        predicted,
        reasons: about.map(({ service, reason, asked }) => `${service}: ${reason}, ${asked} asked`),
        real,
        verdict: predicted === 'possible' ? 'undecided' : agrees ? 'agrees' : 'disagrees',
      });
    }
    return { available: true, lookUps };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
