import type { ByteSource } from '../../bytes/byte-source.ts';
import { type Stretch, stretches } from '../../bytes/stretches.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { PT } from './names.ts';
import type { Segment } from './segments.ts';

/**
 * The file as the loader maps it: virtual addresses to the bytes behind them.
 *
 * Tables named by the dynamic section are found this way and not through sections, which the loader never reads
 * and which may be absent or lie.
 */
export class MemoryImage {
  readonly #source: ByteSource;
  /** Segments with bytes in the file: by address, or as they stand in the file when some overlap. */
  readonly #loads: readonly Segment[];
  readonly #overlap: boolean;

  /** @throws FormatError when more segments overlap than any linker writes. */
  constructor(source: ByteSource, segments: readonly Segment[]) {
    this.#source = source;
    const loads: Segment[] = [];
    let isSorted = true;
    for (const segment of segments) {
      // Addresses above 2^53 are not exact as numbers; no user process maps them (kernels do).
      if (segment.type === PT.load && segment.fileBytes > 0 && Number.isSafeInteger(segment.address)) {
        isSorted &&= loads.length === 0 || (loads[loads.length - 1]?.address ?? 0) <= segment.address;
        loads.push(segment);
      }
    }
    const sorted = isSorted ? loads : loads.toSorted((left, right) => left.address - right.address);
    let overlap = false;
    for (let index = 1; index < sorted.length && !overlap; index++) {
      const [segment, next] = [sorted[index - 1], sorted[index]];
      overlap = segment !== undefined && next !== undefined && next.address < segment.address + segment.fileBytes;
    }
    this.#overlap = overlap;
    this.#loads = this.#overlap ? loads : sorted;
    const first = loads[0];
    if (this.#overlap && first !== undefined && loads.length > limits.overlappingSegments) {
      throw new FormatError(first.at, `${loads.length} loadable segments, some of them at the same addresses`);
    }
  }

  /** Offset in the file of a virtual address; `null` when no loadable segment has bytes for it. */
  offsetOf(address: number): number | null {
    const segment = this.#segmentOf(address);
    return segment === null ? null : segment.offset + (address - segment.address);
  }

  /** How many bytes of the file follow an address in its segment; 0 when the address has none. */
  bytesFrom(address: number): number {
    const segment = this.#segmentOf(address);
    return segment === null ? 0 : segment.address + segment.fileBytes - address;
  }

  /**
   * Bytes at a virtual address.
   *
   * @throws FormatError when they are not all inside one loadable segment; `what` names them.
   */
  read(address: number, length: number, what: string): Buffer {
    return this.#source.read(this.offsetOfAll(address, length, what), length);
  }

  /**
   * The entries of a table at a virtual address, some of them at a time; see {@link stretches}.
   *
   * @throws FormatError as {@link MemoryImage.read} does.
   */
  stretches(address: number, length: number, entryBytes: number, what: string): Generator<Stretch> {
    return stretches(this.#source, this.offsetOfAll(address, length, what), length, { entryBytes });
  }

  /**
   * Offset in the file of a stretch of memory.
   *
   * @throws FormatError when it is not all inside one loadable segment; `what` names it.
   */
  offsetOfAll(address: number, length: number, what: string): number {
    const segment = this.#segmentOf(address);
    const offset = segment === null ? null : segment.offset + (address - segment.address);
    if (segment === null || offset === null || length > segment.address + segment.fileBytes - address) {
      throw new FormatError(
        offset ?? 0,
        `${what}: ${length} bytes at address 0x${address.toString(16)} are not inside any loadable segment`,
      );
    }
    return offset;
  }

  #segmentOf(address: number): Segment | null {
    if (this.#overlap) {
      // Each segment is mapped over the ones before it.
      return this.#loads.findLast((segment) => holds(segment, address)) ?? null;
    }
    let low = 0;
    let high = this.#loads.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#loads[middle]?.address ?? 0) <= address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const segment = this.#loads[low - 1];
    return segment !== undefined && holds(segment, address) ? segment : null;
  }
}

function holds(segment: Segment, address: number): boolean {
  return address >= segment.address && address < segment.address + segment.fileBytes;
}
