import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { word64, wordOrder, words32 } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import { ET, PT } from './names.ts';
import { isDebugCompanion, type Section } from './sections.ts';

/** One program header (gABI chapter 5). Offsets, addresses and sizes in bytes. */
export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly alignment: number;
  /** Offset of this header in the file. */
  readonly at: number;
}

/**
 * Reads the program headers.
 *
 * @throws FormatError when a loadable segment lies outside the file, as in one that was cut short.
 */
export function readSegments(source: ByteSource, header: ElfHeader): readonly Segment[] {
  const { offset, count, entryBytes } = header.segmentTable;
  const words = words32(source.read(offset, count * entryBytes), header.encoding);
  const { is64 } = header.encoding;
  const order = wordOrder(header.encoding);
  const segments: Segment[] = [];
  for (let index = 0, at = 0; index < count; index++, at += entryBytes / 4) {
    segments.push(
      is64
        ? {
            type: words[at] ?? 0,
            flags: words[at + 1] ?? 0,
            offset: word64(words, at + 2, order),
            address: word64(words, at + 4, order),
            fileBytes: word64(words, at + 8, order),
            memoryBytes: word64(words, at + 10, order),
            alignment: word64(words, at + 12, order),
            at: offset + at * 4,
          }
        : {
            type: words[at] ?? 0,
            offset: words[at + 1] ?? 0,
            address: words[at + 2] ?? 0,
            fileBytes: words[at + 4] ?? 0,
            memoryBytes: words[at + 5] ?? 0,
            flags: words[at + 6] ?? 0,
            alignment: words[at + 7] ?? 0,
            at: offset + at * 4,
          },
    );
  }
  return segments;
}

/**
 * Refuses a file whose loadable segments do not lie inside it: the system would map it and die on first touch.
 *
 * Core files are written short on purpose (RLIMIT_CORE), and separate debug files may keep the program headers of the
 * file they were split from; what is read of such a file is checked when it is read.
 *
 * @throws FormatError
 */
export function assertSegmentsInside(
  source: ByteSource,
  header: ElfHeader,
  segments: readonly Segment[],
  sections: readonly Section[],
): void {
  if (header.type === ET.core || isDebugCompanion(sections)) {
    return;
  }
  for (const segment of segments) {
    if (segment.type !== PT.load || segment.fileBytes === 0) {
      continue;
    }
    if (segment.offset > source.size - segment.fileBytes) {
      throw new FormatError(
        segment.at,
        `a loadable segment of ${segment.fileBytes} bytes at ${segment.offset} ends outside the file of ${source.size} bytes: the file is cut short or lies`,
      );
    }
    if (segment.memoryBytes < segment.fileBytes) {
      throw new FormatError(
        segment.at,
        `a loadable segment takes ${segment.memoryBytes} bytes of memory for ${segment.fileBytes} bytes of file`,
      );
    }
  }
}

/** Bytes: the max-page-size of arm64, to whose end linkers may extend PT_GNU_RELRO; no processor has larger pages. */
export const largestPage = 65_536;

/** The addresses between which the loadable segments lie; the highest is the first behind them. */
export function loadedAddresses(segments: readonly Segment[]): { readonly lowest: number; readonly highest: number } {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { type, address, memoryBytes } of segments) {
    if (type === PT.load) {
      lowest = Math.min(lowest, address);
      highest = Math.max(highest, address + memoryBytes);
    }
  }
  return { lowest, highest };
}

/** Bytes of the smallest page; some processors have larger ones, which are multiples of it. */
const pageBytes = 4_096;

/**
 * Whether some part of the file cannot be mapped: memory and file are mapped by whole pages, so that an address and its offset
 * must lie at the same place in theirs (gABI chapter 5, "Program Loading").
 */
export function isOffPages(segments: readonly Segment[]): boolean {
  return segments.some(({ type, address, offset }) => type === PT.load && (address - offset) % pageBytes !== 0);
}
