/** Runs artifacts for real, so that tests can compare a prediction with what happens. */

import { type RunOptions, type RunResult, runProgram } from './process.ts';

export type { RunOptions, RunResult } from './process.ts';

/**
 * Runs a program with no environment but the given one, for at most a minute: on a machine that is busy with something else,
 * one that is done in a tenth of a second may take ten.
 *
 * @throws Error when the kernel cannot start it (no interpreter, other architecture); `code` tells ENOENT or ENOEXEC.
 */
export function run(path: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
  return runProgram(path, args, { timeout: 60_000, ...options });
}

/** Whether {@link runInRoot} works for this user. */
export const mayChangeRoot = process.getuid?.() === 0;

/** Runs `program`, a path inside `root`, with that directory as its root file system. Needs the root user. */
export function runInRoot(
  root: string,
  program: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<RunResult> {
  return run('/usr/sbin/chroot', [root, program, ...args], options);
}

/** What the lab's Go host or C loader says of one object that it opened. */
export interface Opening {
  readonly plugin: string;
  readonly outcome: 'loads' | 'fails' | 'panics';
  /** The error or panic text; empty when it loads. */
  readonly message: string;
  /** What the symbols that the host looks up return, or why they were not found. */
  readonly symbols: Readonly<Record<string, string>>;
}

export interface Openings {
  /** One for each object, in order, up to the one that ended the process. */
  readonly openings: readonly Opening[];
  /** How the process ended: by itself, killed by the Go runtime or a signal, or not within the time. */
  readonly ending: 'exits' | 'crashes' | 'hangs';
  /** Standard error. */
  readonly stderr: string;
  readonly signal: NodeJS.Signals | null;
}

/** Lets `host` (a `go/host…` or `c/dlopen-host` artifact) open all `objects` in their order. */
export async function openAll(
  host: string,
  objects: readonly string[],
  options: RunOptions & { readonly flags?: readonly string[] } = {},
): Promise<Openings> {
  const result = await run(host, [...(options.flags ?? []), ...objects], options);
  const openings = result.stdout
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}}'))
    .map((line): Opening => JSON.parse(line));
  const ending = result.killedFor === 'time' ? 'hangs' : result.exitCode === 0 ? 'exits' : 'crashes';
  return { openings, ending, stderr: result.stderr, signal: result.signal };
}
