import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type DynamicSection, dynamicValue } from './dynamic.ts';
import { Fields, words32 } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import type { MemoryImage } from './memory-image.ts';
import { DT, EM } from './names.ts';

/**
 * How many dynamic symbols the hash tables speak of.
 *
 * No entry of the dynamic section holds the size of the symbol table. The System V table has one chain entry for
 * each symbol; the GNU table lists only those that others may find, whose indexes are the highest of the table,
 * except when it lists none.
 */
export function symbolCountByHash(header: ElfHeader, dynamic: DynamicSection, memory: MemoryImage): number {
  const systemV = dynamicValue(dynamic, DT.hash);
  const gnu = dynamicValue(dynamic, DT.gnuHash);
  return Math.max(
    systemV === null ? 0 : systemVCount(header, memory, systemV),
    gnu === null ? 0 : gnuCount(header, memory, gnu),
  );
}

/** Which hash tables a file offers; a loader needs one of them to find its definitions. */
export function hashStyles(dynamic: DynamicSection): readonly ('sysv' | 'gnu')[] {
  const styles: ('sysv' | 'gnu')[] = [];
  if (dynamicValue(dynamic, DT.hash) !== null) {
    styles.push('sysv');
  }
  if (dynamicValue(dynamic, DT.gnuHash) !== null) {
    styles.push('gnu');
  }
  return styles;
}

// gABI chapter 5, "Hash Table": nbucket, nchain, buckets, chains. Entries are 4 bytes, but 8 on Alpha and on 64-bit
// s390 (their processor supplements).
function systemVCount(header: ElfHeader, memory: MemoryImage, address: number): number {
  const wide = header.encoding.is64 && (header.machine === EM.alpha || header.machine === EM.s390);
  const entryBytes = wide ? 8 : 4;
  const fields = new Fields(memory.read(address, 2 * entryBytes, 'the System V hash table'), header.encoding);
  const count = wide ? fields.u64(8) : fields.u32(4);
  if (count > limits.symbols || count * entryBytes > memory.bytesFrom(address)) {
    throw new FormatError(
      memory.offsetOf(address) ?? 0,
      `the System V hash table speaks of ${count} symbols and is not large enough for them`,
    );
  }
  return count;
}

// Layout as in glibc's dl-setup_hash.c: bucket count, first hashed symbol, words of Bloom filter, shift; the filter
// (words of address size), the buckets, and one hash value a symbol whose lowest bit ends a chain.
function gnuCount(header: ElfHeader, memory: MemoryImage, address: number): number {
  const head = new Fields(memory.read(address, 16, 'the GNU hash table'), header.encoding);
  const buckets = head.u32(0);
  const firstSymbol = head.u32(4);
  const bucketsAt = address + 16 + head.u32(8) * header.encoding.addressBytes;
  if (buckets === 0) {
    return firstSymbol;
  }
  if (buckets > limits.symbols) {
    throw new FormatError(memory.offsetOf(address) ?? 0, `the GNU hash table claims ${buckets} buckets`);
  }
  const starts = words32(memory.read(bucketsAt, buckets * 4, 'the buckets of the GNU hash table'), header.encoding);
  let last = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const start = starts[bucket] ?? 0;
    if (start > last) {
      last = start;
    }
  }
  if (last < firstSymbol) {
    return firstSymbol;
  }
  const chainsAt = bucketsAt + buckets * 4;
  const lastChainAt = chainsAt + (last - firstSymbol) * 4;
  // Chains are a few entries long, so that a few are read first; one that is far longer is a chain without an end.
  for (const most of [usualChainBytes, longestChainBytes]) {
    const chain = words32(chainFrom(memory, lastChainAt, most), header.encoding);
    for (let entry = 0; entry < chain.length; entry++) {
      if (((chain[entry] ?? 0) & 1) === 1) {
        return last + entry + 1;
      }
    }
  }
  throw new FormatError(memory.offsetOf(lastChainAt) ?? 0, 'the last chain of the GNU hash table does not end');
}

const usualChainBytes = 1_024;
const longestChainBytes = 1_048_576;

function chainFrom(memory: MemoryImage, address: number, most: number): Buffer {
  const available = Math.min(memory.bytesFrom(address), most);
  return memory.read(address, Math.max(4, available - (available % 4)), 'the last chain of the GNU hash table');
}
