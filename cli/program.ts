import { Command, CommanderError } from 'commander';
import { commands } from './commands.ts';
import { usesColor } from './output.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';
import { version } from './version.ts';

const exitCodes = `
Exit codes: 0 nothing at or above the failing level, 1 findings, 2 could not decide`;

/** Runs the program on its arguments. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = describe(argv, surroundings, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed the sentence itself; help and version are no failures.
      return error.exitCode === 0 ? 0 : 2;
    }
    const color = usesColor('auto', surroundings.env, surroundings.stderr);
    const { renderFailure } = await import('./failure.ts');
    surroundings.stderr.write(renderFailure(error, { color, debug: argv.includes('--debug') }));
    return 2;
  }
}

function describe(argv: readonly string[], surroundings: Surroundings, exit: (code: ExitCode) => void): Command {
  const program = new Command('elfgate')
    .description('Predicts what will happen when native code is loaded, and lets policies decide.')
    .option('-V, --version', 'output the version number')
    .on('option:version', () => {
      surroundings.stdout.write(`${version()}\n`);
      throw new CommanderError(0, 'commander.version', 'version');
    })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
      // One form for everything that keeps the program from deciding.
      outputError: (text, write) => write(text.replace(/^error: /, 'cannot decide[usage]: ')),
    })
    .addHelpText('after', exitCodes)
    .showHelpAfterError('(elfgate --help shows commands and options)')
    .showSuggestionAfterError();

  // A command that is named first is the only one that this run can need: describing all of them takes longer.
  const [first = '', next = ''] = argv;
  const named = commands.get(first);
  for (const add of named === undefined ? commands.values() : [named]) {
    add(program, surroundings, exit, next);
  }
  return program;
}
