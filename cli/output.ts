import { writeFileSync } from 'node:fs';
import { ElfgateError } from '../src/errors.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Writes the whole output of a command at once, to standard output or to `--output-file`.
 *
 * @throws ElfgateError `unreadable` when the file cannot be written.
 */
export async function writeOutput(text: string, options: SharedOptions, { stdout }: Surroundings): Promise<void> {
  if (options.outputFile !== undefined) {
    try {
      writeFileSync(options.outputFile, text);
    } catch (cause) {
      throw new ElfgateError('unreadable', `${options.outputFile}: cannot be written`, {
        hint: 'check that the directory exists and may be written to',
        cause,
      });
    }
    return;
  }
  await new Promise<void>((resolve, reject) => {
    // Whoever reads a pipe may stop when he has seen enough (head): no failure of ours.
    const onError = (error: Error): void => {
      if ('code' in error && error.code === 'EPIPE') {
        resolve();
      } else {
        reject(error);
      }
    };
    stdout.once('error', onError);
    stdout.write(text, (error) => {
      // A failed write is told by the event too, which would end the process if nobody listened.
      if (!error) {
        stdout.off('error', onError);
        resolve();
      }
    });
  });
}

/** Whether text for a stream is to be coloured: the option first, then NO_COLOR and FORCE_COLOR, then the terminal. */
export function usesColor(
  when: SharedOptions['color'],
  environment: Surroundings['env'],
  stream: Pick<NodeJS.WriteStream, 'isTTY'>,
): boolean {
  if (when !== 'auto') {
    return when === 'always';
  }
  if ((environment.NO_COLOR ?? '') !== '') {
    return false;
  }
  if ((environment.FORCE_COLOR ?? '') !== '') {
    return environment.FORCE_COLOR !== '0';
  }
  return stream.isTTY === true && environment.TERM !== 'dumb';
}
