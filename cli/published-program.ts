import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from './directories.js';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** Stands in for `program.ts` in the published package, where all of it is one file. */
const file = join(import.meta.dirname, 'program.cjs');

// What people and machines run again and again, and wait for.
const short = ['inspect', 'check', 'predict', 'resolve', 'verify'];

/** Runs the program on its arguments. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const [command = ''] = argv;
  if (!short.includes(command)) {
    return programOf(createRequire(file)(file)).run(argv, surroundings);
  }
  const { loadProgram } = await import('./kept-code.ts');
  const kept = join(cacheDirectory(surroundings.env), 'code', `${process.version}-${process.arch}-${command}`);
  const program = loadProgram(file, kept, useOf(argv));
  const exitCode = await programOf(program.exports).run(argv, surroundings);
  program.keep();
  return exitCode;
}

function programOf(exports: unknown): typeof import('./program.ts') {
  return exports as typeof import('./program.ts');
}

/** The options and kinds of targets of a command line, which decide what is called. */
function useOf(argv: readonly string[]): string {
  return [...new Set(argv.map(kindOf))].sort().join(' ');
}

function kindOf(argument: string): string {
  // Options, and their values of one word: `-o json`.
  const word = /^(?:-[^=]*|[a-z]+)/.exec(argument)?.[0];
  if (word !== undefined && (word.startsWith('-') || word === argument)) {
    return word;
  }
  const scheme = /^[a-z-]+:/.exec(argument)?.[0];
  try {
    return scheme ?? (statSync(argument).isDirectory() ? 'directory' : 'file');
  } catch {
    return 'image';
  }
}
