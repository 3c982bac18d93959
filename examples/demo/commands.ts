/** Runs elfgate and the programs that it judges, as a user would from `build/demo`. */

import { join } from 'node:path';
import type { Finding } from '../../src/findings/finding.ts';
import { runProgram } from '../../test/lab/process.ts';
import { mayChangeRoot, type Opening, type RunResult, run, runInRoot } from '../../test/lab/run.ts';
import { demoDirectory } from './files.ts';

const cli = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

// Milliseconds. The first run on a machine compiles the policy compiler, which takes minutes.
const elfgatePatience = 10 * 60 * 1000;

/** What `elfgate check` said, for people and for programs. */
export interface Judgement {
  readonly text: string;
  readonly exitCode: number;
  readonly findings: readonly Finding[];
}

/** What was really run and how it ended. */
export interface Happening {
  /** As one would type it. */
  readonly command: string;
  /** The line that proves or refutes the verdict; empty when nothing was printed. */
  readonly line: string;
  /** As `exit 2`, or the signal. */
  readonly ending: string;
}

/** @throws Error when elfgate could not decide; the message is what it said. */
export async function judge(targets: readonly string[], color: boolean): Promise<Judgement> {
  const [forPeople, forPrograms] = await Promise.all([
    elfgate(['check', ...targets, '--color', color ? 'always' : 'never']),
    elfgate(['check', ...targets, '-o', 'json']),
  ]);
  const { exitCode } = forPeople;
  if (exitCode !== 0 && exitCode !== 1) {
    throw new Error(forPeople.stderr.trim());
  }
  return { text: forPeople.stdout.trimEnd(), exitCode, findings: JSON.parse(forPrograms.stdout).findings };
}

/** Elfgate's own command line, run in `build/demo`. */
export function elfgate(args: readonly string[]): Promise<RunResult> {
  const environment = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return runProgram(process.execPath, [cli, ...args], {
    directory: demoDirectory,
    environment: Object.fromEntries(environment),
    timeout: elfgatePatience,
  });
}

/** A {@link Happening} of a program that opens objects, and what became of the last of them. */
export interface OpeningHappened extends Happening {
  readonly outcome: Opening['outcome'] | 'crashes';
}

/** Lets a program of the demo open `args`, of which the last is an object, in their order. */
export async function open(program: string, ...args: readonly string[]): Promise<OpeningHappened> {
  const result = await run(`./${program}`, args, { directory: demoDirectory });
  const last = result.stdout
    .split('\n')
    .filter((line) => line.endsWith('}}'))
    .map((line): Opening => JSON.parse(line))
    .find(({ plugin }) => plugin === args.at(-1));
  const lines = last === undefined ? result.stderr.split('\n') : [openingLine(last)];
  return {
    ...happened([`./${program}`, ...args], result, lines.find((line) => line.startsWith('fatal error:')) ?? lines[0]),
    outcome: last?.outcome ?? 'crashes',
  };
}

function openingLine({ outcome, message, symbols }: Opening): string {
  const [answer] = Object.entries(symbols);
  return outcome === 'loads' ? (answer === undefined ? 'opened' : `opened; ${answer.join(' → ')}`) : message;
}

/** Runs a program of the demo by itself. */
export async function start(program: string): Promise<Happening> {
  const result = await run(`./${program}`, [], { directory: demoDirectory });
  return happened([`./${program}`], result, firstLine(result));
}

/** Why nothing can be run inside of a root file system here; null when it can. */
export const noRootChange = mayChangeRoot ? null : 'chroot needs the root user';

/** Runs a program of a root file system in there. */
export async function startInRoot(root: string, program: string): Promise<Happening> {
  const result = await runInRoot(root, program, [], { directory: demoDirectory });
  return happened(['chroot', root, program], result, firstLine(result));
}

function firstLine({ stdout, stderr }: RunResult): string {
  return (stderr || stdout).split('\n', 1)[0] ?? '';
}

function happened(words: readonly string[], { exitCode, signal, killedFor }: RunResult, line = ''): Happening {
  return {
    command: words.join(' '),
    line: line.replaceAll(`${demoDirectory}/`, ''),
    ending: killedFor === 'time' ? 'hangs' : signal === null ? `exit ${exitCode}` : `killed by ${signal}`,
  };
}
