import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { Fields } from './encoding.ts';
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
  const fields = new Fields(source.read(offset, count * entryBytes), header.encoding);
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * entryBytes;
    segments.push(
      header.encoding.is64
        ? {
            type: fields.u32(at),
            flags: fields.u32(at + 4),
            offset: fields.u64(at + 8),
            address: fields.u64(at + 16),
            fileBytes: fields.u64(at + 32),
            memoryBytes: fields.u64(at + 40),
            alignment: fields.u64(at + 48),
            at: offset + at,
          }
        : {
            type: fields.u32(at),
            offset: fields.u32(at + 4),
            address: fields.u32(at + 8),
            fileBytes: fields.u32(at + 16),
            memoryBytes: fields.u32(at + 20),
            flags: fields.u32(at + 24),
            alignment: fields.u32(at + 28),
            at: offset + at,
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
