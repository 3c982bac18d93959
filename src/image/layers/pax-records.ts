import { ElfgateError } from '../../errors.ts';
import { decodePath } from './tar-header.ts';

/** Records of a pax extended header, by keyword; of several with one keyword all values, in order. */
export type PaxRecords = ReadonlyMap<string, readonly string[]>;

/**
 * Reads `LENGTH KEYWORD=VALUE\n` records (POSIX.1-2001, pax, "pax Extended Header").
 *
 * @throws ElfgateError `malformed` when a length does not fit.
 */
export function readPaxRecords(bytes: Buffer): PaxRecords {
  const records = new Map<string, string[]>();
  let offset = 0;
  // Some writers fill the rest of a block with zeros and count them.
  while (offset < bytes.length && bytes[offset] !== 0) {
    const space = bytes.indexOf(32, offset);
    const digits = space === -1 ? '' : bytes.toString('latin1', offset, Math.min(space, offset + 20));
    const length = /^\d+$/.test(digits) ? Number(digits) : 0;
    const end = offset + length;
    const equals = bytes.indexOf(61, offset);
    if (end > bytes.length || equals === -1 || equals < space || equals >= end || bytes[end - 1] !== 10) {
      throw new ElfgateError('malformed', 'an extended header of the tar archive has a record of a wrong length');
    }
    const keyword = bytes.toString('utf8', space + 1, equals);
    const value = decodePath(bytes.subarray(equals + 1, end - 1));
    const values = records.get(keyword);
    if (values === undefined) {
      records.set(keyword, [value]);
    } else {
      values.push(value);
    }
    offset = end;
  }
  return records;
}
