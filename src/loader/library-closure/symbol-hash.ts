import { type DynamicSection, dynamicValue } from '../../binary/elf/dynamic.ts';
import { Fields, words32 } from '../../binary/elf/encoding.ts';
import type { ElfHeader } from '../../binary/elf/header.ts';
import type { MemoryImage } from '../../binary/elf/memory-image.ts';
import { DT, EM } from '../../binary/elf/names.ts';
import type { StringTable } from '../../binary/elf/string-table.ts';
import { FormatError } from '../../errors.ts';

/** The table by which a loader finds names: it finds nothing that is not in there. */
export type HashTable =
  | {
      readonly kind: 'gnu';
      readonly bytes: number;
      /** Words of the Bloom filter, a 64-bit one as low and high half. */
      readonly filter: Uint32Array;
      readonly filterWords: number;
      readonly wordBits: 32 | 64;
      readonly shift: number;
      readonly buckets: Uint32Array;
      readonly chain: Uint32Array;
      readonly firstSymbol: number;
    }
  | {
      readonly kind: 'sysv';
      readonly bytes: number;
      readonly buckets: Uint32Array;
      readonly chain: Uint32Array;
    };

/**
 * Reads the hash table that loaders use: the GNU one where there are both (glibc `_dl_setup_hash`, musl `decode_dyn`).
 *
 * @throws FormatError when it lies outside the file.
 */
export function readHashTable(
  header: ElfHeader,
  dynamic: DynamicSection,
  memory: MemoryImage,
  symbolCount: number,
): HashTable | null {
  const gnu = dynamicValue(dynamic, DT.gnuHash);
  if (gnu !== null) {
    return readGnu(header, memory, gnu, symbolCount);
  }
  const systemV = dynamicValue(dynamic, DT.hash);
  return systemV === null ? null : readSystemV(header, memory, systemV, symbolCount);
}

function readGnu(header: ElfHeader, memory: MemoryImage, address: number, symbolCount: number): HashTable {
  const { encoding } = header;
  const what = 'the GNU hash table';
  const head = new Fields(memory.read(address, 16, what), encoding);
  const bucketCount = head.u32(0);
  const firstSymbol = head.u32(4);
  const filterWords = head.u32(8);
  const shift = head.u32(12);
  const filterBytes = filterWords * encoding.addressBytes;
  const chainLength = Math.max(0, symbolCount - firstSymbol);
  const available = memory.bytesFrom(address) - 16 - filterBytes - bucketCount * 4;
  if (available < 0) {
    throw new FormatError(
      memory.offsetOf(address) ?? 0,
      `${what} with ${bucketCount} buckets does not end in the file`,
    );
  }
  // Copies: a view would be kept with all that was read with it.
  const words = (at: number, count: number): Uint32Array =>
    count === 0 ? new Uint32Array(0) : words32(memory.read(at, count * 4, what), encoding).slice();
  const filter = words(address + 16, filterBytes / 4);
  if (encoding.is64 && !encoding.littleEndian) {
    for (let word = 0; word + 1 < filter.length; word += 2) {
      const high = filter[word] ?? 0;
      filter[word] = filter[word + 1] ?? 0;
      filter[word + 1] = high;
    }
  }
  const bucketsAt = address + 16 + filterBytes;
  const chain = words(bucketsAt + bucketCount * 4, Math.min(chainLength, Math.floor(available / 4)));
  return {
    kind: 'gnu',
    bytes: (filter.length + bucketCount + chain.length) * 4,
    filter,
    filterWords,
    wordBits: encoding.is64 ? 64 : 32,
    shift: shift & 31,
    buckets: words(bucketsAt, bucketCount),
    chain,
    firstSymbol,
  };
}

function readSystemV(header: ElfHeader, memory: MemoryImage, address: number, symbolCount: number): HashTable {
  const { encoding, machine } = header;
  const what = 'the System V hash table';
  // Entries of 8 bytes on Alpha and 64-bit s390 (their processor supplements); the values fit in 4.
  const entryBytes = encoding.is64 && (machine === EM.alpha || machine === EM.s390) ? 8 : 4;
  const head = new Fields(memory.read(address, 2 * entryBytes, what), encoding);
  const entry = (fields: Fields, index: number): number =>
    entryBytes === 8 ? fields.u64(index * 8) : fields.u32(index * 4);
  const [bucketCount, chainCount] = [entry(head, 0), entry(head, 1)];
  const length = (bucketCount + chainCount) * entryBytes;
  const fields = new Fields(
    length === 0 ? Buffer.alloc(0) : memory.read(address + 2 * entryBytes, length, what),
    encoding,
  );
  const chainLength = Math.min(chainCount, symbolCount);
  return {
    kind: 'sysv',
    bytes: (bucketCount + chainLength) * 4,
    buckets: column(bucketCount, (index) => entry(fields, index)),
    chain: column(chainLength, (index) => entry(fields, bucketCount + index)),
  };
}

function column(length: number, value: (index: number) => number): Uint32Array {
  const values = new Uint32Array(length);
  for (let index = 0; index < length; index++) {
    values[index] = value(index);
  }
  return values;
}

/** Hash of a name in a string table, as DT_HASH has it (gABI chapter 5, "Hash Table"). */
export function systemVHash(strings: Uint8Array, start: number): number {
  let hash = 0;
  for (let at = start; at < strings.length && strings[at] !== 0; at++) {
    hash = ((hash << 4) + (strings[at] ?? 0)) >>> 0;
    const high = (hash & 0xf0000000) >>> 0;
    hash = (hash ^ (high >>> 24) ^ high) >>> 0;
  }
  return hash;
}

/** How many entries of chains may still be looked at: one chain of a lying file may hold all of its symbols. */
export interface Effort {
  left: number;
}

/** Calls `accept` with every symbol in the chain of a hash value until it answers true, or the effort is spent. */
export function findInChain(
  table: HashTable,
  hashes: { readonly gnu: number; readonly systemV: () => number },
  accept: (symbol: number) => boolean,
  effort: Effort = { left: Number.POSITIVE_INFINITY },
): boolean {
  if (table.kind === 'gnu') {
    return findInGnuChain(table, hashes.gnu, accept, effort);
  }
  if (table.buckets.length === 0) {
    return false;
  }
  let symbol = table.buckets[hashes.systemV() % table.buckets.length] ?? 0;
  // A chain of a lying file may lead back to its start.
  for (let steps = 0; symbol !== 0 && steps <= table.chain.length && effort.left > 0; steps++) {
    effort.left -= 1;
    if (accept(symbol)) {
      return true;
    }
    symbol = table.chain[symbol] ?? 0;
  }
  return false;
}

/** Whether a table may hold a name of a hash value, by its Bloom filter. */
export function mayHold(
  { filter, filterWords, wordBits, shift, buckets }: Extract<HashTable, { kind: 'gnu' }>,
  hash: number,
): boolean {
  if (buckets.length === 0 || filterWords === 0) {
    return false;
  }
  // The loader masks with filterWords - 1, which linkers make a power of two.
  const word = (hash >>> (wordBits === 64 ? 6 : 5)) & (filterWords - 1);
  return isSet(filter, word, hash % wordBits, wordBits) && isSet(filter, word, (hash >>> shift) % wordBits, wordBits);
}

function findInGnuChain(
  table: Extract<HashTable, { kind: 'gnu' }>,
  hash: number,
  accept: (symbol: number) => boolean,
  effort: Effort,
): boolean {
  if (!mayHold(table, hash)) {
    return false;
  }
  const { buckets, chain, firstSymbol } = table;
  const first = buckets[hash % buckets.length] ?? 0;
  if (first < firstSymbol || first === 0) {
    return false;
  }
  for (let entry = first - firstSymbol; entry < chain.length && effort.left > 0; entry++) {
    effort.left -= 1;
    const value = chain[entry] ?? 1;
    if ((value ^ hash) >>> 1 === 0 && accept(firstSymbol + entry)) {
      return true;
    }
    if ((value & 1) === 1) {
      return false;
    }
  }
  return false;
}

/**
 * The symbols that a loader comes to when it looks for their own names, as ones by index: for a question about all of them
 * at once.
 *
 * @param candidates by symbol: 1 for those that are asked for.
 * @param starts by symbol: where its name starts in `strings`.
 * @throws FormatError when a name lies outside the string table, or chains run into each other or names overlap so often
 * that following them all has no end in sight.
 */
export function symbolsInChains(
  { filter, filterWords, wordBits, shift, buckets, chain, firstSymbol }: Extract<HashTable, { kind: 'gnu' }>,
  strings: StringTable,
  starts: Uint32Array,
  candidates: Uint8Array,
): Uint8Array {
  const found = new Uint8Array(firstSymbol + chain.length);
  const hashes = strings.hashesOf(starts.subarray(firstSymbol, found.length));
  // Signed, as the hashes are: half of the unsigned values are no small integers, each of which would be allocated.
  const [values, bits] = [signed(chain), signed(filter)];
  const count = buckets.length;
  const [wordShift, halves, lastWord] = wordBits === 64 ? [6, 2, filterWords - 1] : [5, 1, filterWords - 1];
  // In a table that a linker wrote each entry is in one chain.
  let left = 2 * values.length;
  for (let bucket = 0; bucket < count; bucket++) {
    const first = buckets[bucket] ?? 0;
    for (let symbol = first; first >= firstSymbol && first !== 0 && symbol < found.length; symbol++) {
      left -= 1;
      if (left < 0) {
        throw new FormatError(0, 'the chains of the GNU hash table run into each other');
      }
      const value = values[symbol - firstSymbol] ?? 1;
      const hash = hashes[symbol - firstSymbol] ?? 0;
      // The remainder of an unsigned number by a signed one, in two steps.
      const isHere = (((hash >>> 1) % count) * 2 + (hash & 1)) % count === bucket;
      if (isHere && (value ^ hash) >>> 1 === 0 && candidates[symbol] === 1) {
        const word = ((hash >>> wordShift) & lastWord) * halves;
        const second = hash >>> shift;
        // Shifts count by the lowest five bits; the sixth tells the halves of a word of 64 bits apart.
        const firstBit = (bits[word + ((hash >>> 5) & (halves - 1))] ?? 0) >>> hash;
        const secondBit = (bits[word + ((second >>> 5) & (halves - 1))] ?? 0) >>> second;
        found[symbol] = firstBit & secondBit & 1;
      }
      if ((value & 1) === 1) {
        break;
      }
    }
  }
  return found;
}

const signed = ({ buffer, byteOffset, length }: Uint32Array): Int32Array => new Int32Array(buffer, byteOffset, length);

function isSet(filter: Uint32Array, word: number, bit: number, wordBits: 32 | 64): boolean {
  const half = wordBits === 64 ? word * 2 + (bit >>> 5) : word;
  return (((filter[half] ?? 0) >>> (bit & 31)) & 1) === 1;
}
