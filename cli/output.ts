import { closeSync, openSync, writeFileSync } from 'node:fs';
import { ElfgateError } from '../src/errors.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Writes the whole output of a command, to standard output or to `--output-file`: a text, or pieces of one.
 *
 * @throws ElfgateError `unreadable` when the file cannot be written.
 */
export async function writeOutput(
  text: string | Iterable<string>,
  options: SharedOptions,
  { stdout }: Surroundings,
): Promise<void> {
  const pieces = typeof text === 'string' ? [text] : text;
  if (options.outputFile !== undefined) {
    writeFile(options.outputFile, pieces);
    return;
  }
  for (const piece of pieces) {
    if (!(await written(piece, stdout))) {
      return;
    }
  }
}

// Room for most pieces.
const writtenBytes = 1 << 17;

function writeFile(path: string, pieces: Iterable<string>): void {
  try {
    const file = openSync(path, 'w');
    // Pieces get the same memory one after the other. New memory for each would be garbage as large as the whole output.
    const memory = Buffer.allocUnsafe(writtenBytes);
    try {
      for (const piece of pieces) {
        const fits = Buffer.byteLength(piece) <= memory.length;
        writeFileSync(file, fits ? memory.subarray(0, memory.write(piece)) : piece);
      }
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new ElfgateError('unreadable', `${path}: cannot be written`, {
      hint: 'check that the directory exists and may be written to',
      cause,
    });
  }
}

/** @returns false when nobody reads any more: whoever reads a pipe may stop when he has seen enough (head). */
function written(piece: string, stdout: Surroundings['stdout']): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      if ('code' in error && error.code === 'EPIPE') {
        resolve(false);
      } else {
        reject(error);
      }
    };
    stdout.once('error', onError);
    stdout.write(piece, (error) => {
      // A failed write is told by the event too, which would end the process if nobody listened.
      if (!error) {
        stdout.off('error', onError);
        resolve(true);
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
