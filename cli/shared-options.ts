import { type Command, Option } from 'commander';
import { ElfgateError } from '../src/errors.ts';

/** Options that every command has. */
export interface SharedOptions {
  readonly output: string;
  readonly outputFile?: string;
  readonly color: 'auto' | 'always' | 'never';
  readonly quiet?: boolean;
  readonly debug?: boolean;
  readonly config?: string;
  readonly progress: boolean;
}

/** Adds the shared options to a command that can print in the given formats, the first of which is the default. */
export function withSharedOptions(command: Command, formats: readonly [string, ...string[]]): Command {
  return command
    .optionsGroup('Options of every command:')
    .addOption(new Option('-o, --output <format>', 'what to print').choices(formats).default(formats[0]))
    .option('--output-file <file>', 'write the output there instead of to standard output')
    .addOption(new Option('--color <when>', 'colours in text').choices(['auto', 'always', 'never']).default('auto'))
    .option('-q, --quiet', 'no progress and no hints on standard error')
    .option('--debug', 'print the causes of an error')
    .option('-c, --config <file>', 'configuration (default: elfgate.yaml, searched upward)')
    .option('--no-progress', 'no progress on standard error');
}

/** Collects an option that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** An error about how the program was called. */
export function usageError(message: string, hint: string): ElfgateError {
  return new ElfgateError('usage', message, { hint });
}

/** Adds the options that choose policies. */
export function withPolicyOptions(command: Command): Command {
  return withNamespaceOptions(
    command
      .option(
        '--policy <path>',
        'own rules next to the built-in ones: a directory, bundle.tar.gz or oci:REFERENCE (repeatable)',
        collect,
      )
      .option('--only-policy', 'own rules instead of the built-in ones'),
  );
}

/** Adds the options that choose among packages of Conftest. */
export function withNamespaceOptions(command: Command): Command {
  return command
    .option('--namespace <package>', 'package of policies written for Conftest (repeatable; default: main)', collect)
    .option('--all-namespaces', 'all of their packages');
}
