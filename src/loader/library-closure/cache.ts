import type { ByteSource } from '../../bytes/byte-source.ts';
import type { FileTree } from '../../image/file-tree.ts';
import { limits } from '../../limits.ts';
import type { Platform } from './shared-object.ts';

/**
 * `/etc/ld.so.cache`, as ldconfig writes it and ld.so searches it (glibc `sysdeps/generic/dl-cache.h`, `elf/dl-cache.c`):
 * the old format, the new one, or the new one behind the old; with entries for glibc-hwcaps.
 */
export interface LibraryCache {
  /**
   * The path that it gives for a name on a platform; `null` when it has none.
   *
   * @param hwcaps subdirectories of glibc-hwcaps that the processor supports, the best first.
   */
  find(name: string, hwcaps: readonly string[]): string | null;
}

const oldMagic = 'ld.so-1.7.0';
const newMagic = 'glibc-ld.so.cache1.1';
const oldHeaderBytes = 16;
const oldEntryBytes = 12;
const newHeaderBytes = 48;
const newEntryBytes = 24;

/** The cache of a root for objects of a platform; `null` where ld.so would go without one. */
export function readLibraryCache(root: FileTree, platform: Platform, headerFlags: number): LibraryCache | null {
  const found = root.resolve('/etc/ld.so.cache');
  if (found === null || found.kind !== 'file') {
    return null;
  }
  const source = root.open(found.path);
  try {
    return parseLibraryCache(source, platform, headerFlags);
  } finally {
    source.close();
  }
}

/** {@link readLibraryCache} on bytes. A cache that contradicts its format is as good as none: ld.so ignores it. */
export function parseLibraryCache(source: ByteSource, platform: Platform, headerFlags: number): LibraryCache | null {
  if (source.size < oldHeaderBytes || source.size > limits.loaderCacheBytes) {
    return null;
  }
  const bytes = Buffer.from(source.read(0, source.size));
  const layout = newLayout(bytes, 0, platform) ?? oldLayout(bytes, platform);
  return layout === null ? null : cacheOf(bytes, layout, platform, headerFlags);
}

interface Layout {
  readonly kind: 'old' | 'new';
  /** Offset of the first entry, bytes. */
  readonly entries: number;
  readonly count: number;
  /** What the offsets of names count from. */
  readonly strings: number;
  /** Names of glibc-hwcaps subdirectories, by the index that entries use. */
  readonly hwcaps: readonly string[];
}

function newLayout(bytes: Buffer, start: number, platform: Platform): Layout | null {
  if (bytes.length - start < newHeaderBytes || bytes.toString('latin1', start, start + 20) !== newMagic) {
    return null;
  }
  // 0 says nothing, as files of older versions; 2 is little-endian, 3 big-endian.
  const order = bytes[start + 28] ?? 0;
  if ((order & 3) !== 0 && (order & 3) !== (platform.littleEndian ? 2 : 3)) {
    return null;
  }
  const count = u32(bytes, start + 20, platform);
  if (count > Math.floor((bytes.length - start - newHeaderBytes) / newEntryBytes)) {
    return null;
  }
  return {
    kind: 'new',
    entries: start + newHeaderBytes,
    count,
    strings: start,
    hwcaps: hwcapNames(bytes, start, u32(bytes, start + 32, platform), platform),
  };
}

function oldLayout(bytes: Buffer, platform: Platform): Layout | null {
  if (bytes.toString('latin1', 0, oldMagic.length) !== oldMagic) {
    return null;
  }
  const count = u32(bytes, 12, platform);
  if (count > Math.floor((bytes.length - oldHeaderBytes) / oldEntryBytes)) {
    return null;
  }
  const end = oldHeaderBytes + count * oldEntryBytes;
  const behind = newLayout(bytes, Math.ceil(end / 8) * 8, platform);
  return behind ?? { kind: 'old', entries: oldHeaderBytes, count, strings: end, hwcaps: [] };
}

const extensionMagic = 0xeaa42174;
const hwcapSection = 1;

function hwcapNames(bytes: Buffer, start: number, offset: number, platform: Platform): readonly string[] {
  const at = start + offset;
  if (offset === 0 || at > bytes.length - 8 || u32(bytes, at, platform) !== extensionMagic) {
    return [];
  }
  const sections = Math.min(u32(bytes, at + 4, platform), Math.floor((bytes.length - at - 8) / 16));
  for (let section = 0; section < sections; section++) {
    const entry = at + 8 + section * 16;
    const [tag, from, size] = [
      u32(bytes, entry, platform),
      u32(bytes, entry + 8, platform),
      u32(bytes, entry + 12, platform),
    ];
    if (tag === hwcapSection) {
      const count = Math.min(limits.loaderCacheHwcaps, Math.floor(size / 4));
      return Array.from({ length: count }, (_unused, index) => {
        const place = start + from + index * 4;
        return place > bytes.length - 4 ? '' : (text(bytes, start + u32(bytes, place, platform)) ?? '');
      });
    }
  }
  return [];
}

function cacheOf(bytes: Buffer, layout: Layout, platform: Platform, headerFlags: number): LibraryCache {
  const wanted = cacheFlags(platform, headerFlags);
  const entryBytes = layout.kind === 'new' ? newEntryBytes : oldEntryBytes;
  const field = (entry: number, at: number): number => u32(bytes, layout.entries + entry * entryBytes + at, platform);
  const nameOf = (entry: number): string | null => text(bytes, layout.strings + field(entry, 4), limits.fileNameBytes);
  const find = (name: string, hwcaps: readonly string[]): string | null => {
    const first = firstEntry(name, layout.count, nameOf);
    let best: { readonly path: string; readonly rank: number } | null = null;
    const end = first === null ? 0 : Math.min(layout.count, first + 2 * limits.loaderCacheEntriesOfName);
    for (let entry = first ?? end; entry < end; entry++) {
      const key = nameOf(entry);
      if (key === null || compareNames(name, key) !== 0) {
        break;
      }
      const path = text(bytes, layout.strings + field(entry, 8));
      const rank = rankOf(entry, hwcaps);
      if (path !== null && rank !== null && field(entry, 0) === wanted && (best === null || rank < best.rank)) {
        best = { path, rank };
      }
    }
    return best?.path ?? null;
  };
  // The best of glibc-hwcaps has rank 0; a plain entry comes after all of these; what the processor lacks has none.
  const rankOf = (entry: number, hwcaps: readonly string[]): number | null => {
    if (layout.kind === 'old') {
      return hwcaps.length;
    }
    const low = field(entry, platform.littleEndian ? 16 : 20);
    const high = field(entry, platform.littleEndian ? 20 : 16);
    if (low === 0 && high === 0) {
      return hwcaps.length;
    }
    // Bit 62 marks an index of the extension; the other bits are processor features of glibc up to 2.36.
    if ((high & 0x40000000) === 0) {
      return null;
    }
    const rank = hwcaps.indexOf(layout.hwcaps[low] ?? '');
    return rank === -1 ? null : rank;
  };
  return { find: remembering(find) };
}

/** Libraries are asked for by one program after the other. */
function remembering(find: LibraryCache['find']): LibraryCache['find'] {
  const found = new Map<string, string | null>();
  return (name, hwcaps) => {
    const key = hwcaps.length === 0 ? name : [name, ...hwcaps].join('\0');
    const known = found.get(key);
    if (known !== undefined) {
      return known;
    }
    const path = find(name, hwcaps);
    if (found.size >= limits.shelfPaths) {
      found.clear();
    }
    found.set(key, path);
    return path;
  };
}

// ld.so halves; a file whose names are out of order answers as it would there. Entries descend.
function firstEntry(name: string, count: number, nameOf: (entry: number) => string | null): number | null {
  let left = 0;
  let right = count - 1;
  while (left <= right) {
    const middle = (left + right) >>> 1;
    const key = nameOf(middle);
    if (key === null) {
      return null;
    }
    const order = compareNames(name, key);
    if (order === 0) {
      let first = middle;
      while (first > 0 && middle - first < limits.loaderCacheEntriesOfName) {
        const before = nameOf(first - 1);
        if (before === null || compareNames(name, before) !== 0) {
          break;
        }
        first -= 1;
      }
      return first;
    }
    if (order < 0) {
      left = middle + 1;
    } else {
      right = middle - 1;
    }
  }
  return null;
}

/** Order of names, digits by their value: `libfoo.so.10` is after `libfoo.so.9` (glibc `_dl_cache_libcmp`). */
export function compareNames(left: string, right: string): number {
  let at = 0;
  let other = 0;
  while (at < left.length) {
    const [one, two] = [left.charCodeAt(at), right.charCodeAt(other)];
    if (isDigit(one)) {
      if (!isDigit(two)) {
        return 1;
      }
      const [ours, theirs] = [digits(left, at), digits(right, other)];
      if (ours !== theirs) {
        return ours < theirs ? -1 : 1;
      }
      at = afterDigits(left, at);
      other = afterDigits(right, other);
    } else if (isDigit(two)) {
      return -1;
    } else if (one !== two) {
      return other >= right.length ? 1 : one - two;
    } else {
      at += 1;
      other += 1;
    }
  }
  return other < right.length ? -1 : 0;
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

function afterDigits(name: string, start: number): number {
  let at = start;
  while (isDigit(name.charCodeAt(at))) {
    at += 1;
  }
  return at;
}

const digits = (name: string, start: number): number => Number(name.slice(start, afterDigits(name, start)));

function u32(bytes: Buffer, at: number, platform: Platform): number {
  return platform.littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function text(bytes: Buffer, start: number, longest: number = limits.pathBytes): string | null {
  if (start < 0 || start >= bytes.length) {
    return null;
  }
  const end = bytes.subarray(start, start + longest + 1).indexOf(0);
  return end === -1 ? null : bytes.toString('utf8', start, start + end);
}

const glibcLibrary = 3;

/** FLAG_ELF_LIBC6 and the flag of the platform: what an entry must have (`_DL_CACHE_DEFAULT_ID` of each port). */
function cacheFlags({ machine, is64 }: Platform, headerFlags: number): number {
  switch (machine) {
    case 62:
      return (is64 ? 0x0300 : 0x0800) | glibcLibrary;
    case 183:
      return 0x0a00 | glibcLibrary;
    case 40:
      return ((headerFlags & 0x400) !== 0 ? 0x0900 : 0x0b00) | glibcLibrary;
    case 22:
      return (is64 ? 0x0400 : 0) | glibcLibrary;
    case 21:
      return 0x0500 | glibcLibrary;
    case 43:
      return 0x0200 | glibcLibrary;
    case 50:
      return 0x0100 | glibcLibrary;
    case 8:
      return mipsFlags(is64, headerFlags) | glibcLibrary;
    case 243:
      return ((headerFlags & 6) === 4 ? 0x1000 : 0x0f00) | glibcLibrary;
    case 258:
      return ((headerFlags & 7) === 3 ? 0x1200 : 0x1100) | glibcLibrary;
    default:
      return glibcLibrary;
  }
}

// EF_MIPS_ABI2 is the n32 convention, EF_MIPS_NAN2008 the newer encoding of not-a-number.
function mipsFlags(is64: boolean, headerFlags: number): number {
  const newNan = (headerFlags & 0x400) !== 0;
  if (is64) {
    return newNan ? 0x0e00 : 0x0700;
  }
  return (headerFlags & 0x20) !== 0 ? (newNan ? 0x0d00 : 0x0600) : newNan ? 0x0c00 : 0;
}
