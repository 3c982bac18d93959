import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
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
  readonly #loads: readonly Segment[];

  constructor(source: ByteSource, segments: readonly Segment[]) {
    this.#source = source;
    // Addresses above 2^53 are not exact as numbers; no user process maps them (kernels do).
    this.#loads = segments.filter((segment) => segment.type === PT.load && Number.isSafeInteger(segment.address));
  }

  /** Offset in the file of a virtual address; `null` when no loadable segment has bytes for it. */
  offsetOf(address: number): number | null {
    for (const segment of this.#loads) {
      if (address >= segment.address && address < segment.address + segment.fileBytes) {
        return segment.offset + (address - segment.address);
      }
    }
    return null;
  }

  /** How many bytes of the file follow an address in its segment; 0 when the address has none. */
  bytesFrom(address: number): number {
    for (const segment of this.#loads) {
      if (address >= segment.address && address < segment.address + segment.fileBytes) {
        return segment.address + segment.fileBytes - address;
      }
    }
    return 0;
  }

  /**
   * Bytes at a virtual address.
   *
   * @throws FormatError when they are not all inside one loadable segment; `what` names them.
   */
  read(address: number, length: number, what: string): Buffer {
    const offset = this.offsetOf(address);
    if (offset === null || length > this.bytesFrom(address)) {
      throw new FormatError(
        offset ?? 0,
        `${what}: ${length} bytes at address 0x${address.toString(16)} are not inside any loadable segment`,
      );
    }
    return this.#source.read(offset, length);
  }
}
