import { endianness } from 'node:os';

/** How multi-byte fields are laid out: the class decides widths, the data encoding the byte order (gABI, e_ident). */
export interface Encoding {
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** Width of an address in bytes. */
  readonly addressBytes: 4 | 8;
}

export function encodingOf(is64: boolean, littleEndian: boolean): Encoding {
  return { is64, littleEndian, addressBytes: is64 ? 8 : 4 };
}

const runsLittleEndian = endianness() === 'LE';

/**
 * The words of 32 bits of a table, in the order of the machine that elfgate runs on: the bytes themselves where they
 * stand right, else a copy; what is less than a word at their end is left out. Tables of ten thousand entries are read
 * by this and not by {@link Fields}, because a short run is over before a compiler has made its calls fast.
 */
export function words32(bytes: Buffer, { littleEndian }: Encoding): Uint32Array {
  const { buffer, byteOffset, length } = inMachineOrder(bytes, littleEndian, 4);
  return new Uint32Array(buffer, byteOffset, length >>> 2);
}

export interface WordOrder {
  readonly low: number;
  readonly high: number;
}

/** Where in a field of 64 bits the words of {@link words32} with its lower and its upper half stand. */
export function wordOrder({ littleEndian }: Encoding): WordOrder {
  return littleEndian ? lowFirst : highFirst;
}

const lowFirst = { low: 0, high: 1 } as const;
const highFirst = { low: 1, high: 0 } as const;

/** A field of 64 bits that begins at a word of {@link words32}; above 2^53 the nearest number. */
export function word64(words: Uint32Array, at: number, { low, high }: WordOrder): number {
  return (words[at + low] ?? 0) + (words[at + high] ?? 0) * 0x1_0000_0000;
}

/** The same of words of 16 bits. */
export function words16(bytes: Buffer, { littleEndian }: Encoding): Uint16Array {
  const { buffer, byteOffset, length } = inMachineOrder(bytes, littleEndian, 2);
  return new Uint16Array(buffer, byteOffset, length >>> 1);
}

function inMachineOrder(bytes: Buffer, littleEndian: boolean, wordBytes: 2 | 4): Buffer {
  const isOrder = littleEndian === runsLittleEndian;
  if (isOrder && bytes.byteOffset % wordBytes === 0) {
    return bytes;
  }
  const copy = Buffer.allocUnsafeSlow(bytes.length - (bytes.length % wordBytes));
  bytes.copy(copy);
  return isOrder ? copy : wordBytes === 4 ? copy.swap32() : copy.swap16();
}

/**
 * The fields of one structure, read in the file's byte order.
 *
 * Values of 64 bits are returned as numbers and are exact up to 2^53. Larger ones occur only as addresses of
 * kernels and in lying files; they stay larger than any file, so every check against a size still rejects them.
 */
export class Fields {
  readonly bytes: Buffer;
  readonly encoding: Encoding;
  readonly #view: DataView;

  constructor(bytes: Buffer, encoding: Encoding) {
    this.bytes = bytes;
    this.encoding = encoding;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(at: number): number {
    return this.#view.getUint8(at);
  }

  u16(at: number): number {
    return this.#view.getUint16(at, this.encoding.littleEndian);
  }

  u32(at: number): number {
    return this.#view.getUint32(at, this.encoding.littleEndian);
  }

  u64(at: number): number {
    const first = this.#view.getUint32(at, this.encoding.littleEndian);
    const second = this.#view.getUint32(at + 4, this.encoding.littleEndian);
    return this.encoding.littleEndian ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
  }

  /** An address, offset or size: 4 bytes in a 32-bit file, 8 in a 64-bit one. */
  word(at: number): number {
    return this.encoding.is64 ? this.u64(at) : this.u32(at);
  }
}
