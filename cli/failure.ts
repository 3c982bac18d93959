import { inspect } from 'node:util';
import { ElfgateError } from '../src/errors.ts';
import { painter } from '../src/findings/paint.ts';
import { printable } from '../src/findings/printable.ts';

/**
 * An error as its reader should see it: one sentence, a hint, and with `--debug` the chain of causes.
 *
 * Anything but an {@link ElfgateError} is a mistake of this program and says so.
 */
export function renderFailure(error: unknown, options: { readonly color: boolean; readonly debug: boolean }): string {
  const paint = painter(options.color);
  if (!(error instanceof ElfgateError)) {
    const details = options.debug ? inspect(error) : error instanceof Error ? error.message : String(error);
    return [
      `${paint(['bold', 'red'], 'elfgate failed')}: ${details}`,
      '  = this is a mistake in elfgate, not in what you asked; please report it with the output of --debug',
      '',
    ].join('\n');
  }
  // A message may have several lines (one a problem of a policy); each of them may name a file.
  const message = error.message.split('\n').map(printable).join('\n');
  const lines = [`${paint(['bold', 'red'], `cannot decide[${error.code}]`)}${paint('bold', `: ${message}`)}`];
  if (error.hint !== null) {
    lines.push(`  ${paint('dim', '=')} ${paint('green', 'hint')}: ${error.hint}`);
  }
  if (options.debug && error.cause !== undefined) {
    lines.push(`  ${paint('dim', '=')} cause: ${typeof error.cause === 'string' ? error.cause : inspect(error.cause)}`);
  }
  return `${lines.join('\n')}\n`;
}
