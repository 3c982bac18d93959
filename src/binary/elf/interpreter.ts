import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { PT } from './names.ts';
import type { Segment } from './segments.ts';
import { decodeName } from './string-table.ts';

/**
 * The program that the kernel starts to load this one (PT_INTERP); `null` for static programs and most libraries.
 *
 * @throws FormatError when the path lies outside the file, is too long for Linux or does not end, all of which make
 * the kernel refuse the program (`fs/binfmt_elf.c`).
 */
export function readInterpreter(source: ByteSource, segments: readonly Segment[]): string | null {
  const segment = segments.find((candidate) => candidate.type === PT.interp);
  if (segment === undefined || segment.fileBytes === 0) {
    return null;
  }
  if (segment.fileBytes > limits.interpreterBytes || segment.offset > source.size - segment.fileBytes) {
    throw new FormatError(segment.at, `an interpreter path of ${segment.fileBytes} bytes at ${segment.offset}`);
  }
  const bytes = source.read(segment.offset, segment.fileBytes);
  const end = bytes.indexOf(0);
  if (end === -1) {
    throw new FormatError(segment.offset, 'the interpreter path does not end');
  }
  return decodeName(bytes.subarray(0, end));
}
