import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from './directories.js';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** What people and machines run again and again, and wait for: each is a file of its own in the published package. */
export const shortCommands: readonly string[] = ['inspect', 'check', 'predict', 'resolve', 'verify', 'policy'];

/** Stands in for `program.ts` in the published package, where it is one file for each short command and one for all. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const [command = ''] = argv;
  if (!shortCommands.includes(command)) {
    const file = join(import.meta.dirname, 'program.cjs');
    return programOf(createRequire(file)(file)).run(argv, surroundings);
  }
  const file = join(import.meta.dirname, `${command}.cjs`);
  const { loadProgram } = await import('./kept-code.ts');
  const kept = join(cacheDirectory(surroundings.env), 'code', `${process.version}-${process.arch}-${command}`);
  // What is called depends on the options, and on what the targets turn out to be.
  const program = loadProgram(file, kept, argv.join('\0'));
  const exitCode = await programOf(program.exports).run(argv, surroundings);
  program.keep();
  return exitCode;
}

function programOf(exports: unknown): typeof import('./program.ts') {
  return exports as typeof import('./program.ts');
}
