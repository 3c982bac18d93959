import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { PaxRecords } from './pax-records.ts';
import { blockBytes, number } from './tar-header.ts';

/** A stretch of a sparse file that is stored; what lies between stretches are holes that read as zeros. Bytes. */
export interface SparsePiece {
  readonly offset: number;
  readonly length: number;
}

/** Pieces in a header of the old GNU format, and whether a further block of them follows (tar manual, "Old GNU Format"). */
export function oldGnuPieces(
  block: Buffer,
  where: 'header' | 'extension',
): { readonly pieces: readonly SparsePiece[]; readonly goesOn: boolean } {
  const [start, count, flag] = where === 'header' ? [386, 4, 482] : [0, 21, 504];
  const pieces: SparsePiece[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * 24;
    if (block[at] === 0) {
      break;
    }
    pieces.push({ offset: number(block, at, 12), length: number(block, at + 12, 12) });
  }
  return { pieces, goesOn: block[flag] === 1 };
}

/** Bytes of the whole file that an old GNU sparse header names. */
export function oldGnuRealSize(block: Buffer): number {
  return number(block, 483, 12);
}

/** Pieces that pax records of GNU's versions 0.0 and 0.1 list; `null` when they list none. */
export function paxPieces(records: PaxRecords): readonly SparsePiece[] | null {
  const map = records.get('GNU.sparse.map')?.at(-1);
  if (map !== undefined) {
    return pairs(map === '' ? [] : map.split(','));
  }
  const offsets = records.get('GNU.sparse.offset');
  const lengths = records.get('GNU.sparse.numbytes');
  if (offsets === undefined || lengths === undefined || offsets.length !== lengths.length) {
    return null;
  }
  return pairs(offsets.flatMap((offset, index) => [offset, lengths[index] ?? '']));
}

/**
 * Pieces of GNU's version 1.0, which stand as decimal lines before the content, filled to whole blocks.
 *
 * @returns `null` when more bytes are needed to know.
 */
export function leadingPieces(
  bytes: Buffer,
): { readonly pieces: readonly SparsePiece[]; readonly bytes: number } | null {
  const numbers: string[] = [];
  let wanted = 1;
  let offset = 0;
  while (numbers.length < wanted) {
    const end = bytes.indexOf(10, offset);
    if (end === -1) {
      return null;
    }
    numbers.push(bytes.toString('latin1', offset, Math.min(end, offset + 24)));
    offset = end + 1;
    if (numbers.length === 1) {
      const count = decimal(numbers[0] ?? '');
      if (count > limits.tarSparsePieces) {
        throw tooMany();
      }
      wanted = 1 + 2 * count;
    }
  }
  const filled = Math.ceil(offset / blockBytes) * blockBytes;
  return bytes.length < filled ? null : { pieces: pairs(numbers.slice(1)), bytes: filled };
}

/** @throws ElfgateError `malformed` unless the pieces follow each other inside the file and fill the stored bytes. */
export function assertPieces(pieces: readonly SparsePiece[], realSize: number, storedBytes: number): void {
  if (pieces.length > limits.tarSparsePieces) {
    throw tooMany();
  }
  let end = 0;
  let stored = 0;
  for (const { offset, length } of pieces) {
    if (offset < end || offset + length > realSize) {
      throw new ElfgateError('malformed', 'the pieces of a sparse file overlap or lie outside of it');
    }
    end = offset + length;
    stored += length;
  }
  if (stored !== storedBytes) {
    throw new ElfgateError('malformed', 'the pieces of a sparse file are not as long as what is stored of it');
  }
}

function pairs(numbers: readonly string[]): readonly SparsePiece[] {
  const pieces: SparsePiece[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    pieces.push({ offset: decimal(numbers[index] ?? ''), length: decimal(numbers[index + 1] ?? '') });
  }
  return pieces;
}

function decimal(digits: string): number {
  const value = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new ElfgateError('malformed', 'the list of pieces of a sparse file holds no number where one belongs');
  }
  return value;
}

function tooMany(): ElfgateError {
  return new ElfgateError('limit', `a sparse file has more than ${limits.tarSparsePieces} pieces`);
}
