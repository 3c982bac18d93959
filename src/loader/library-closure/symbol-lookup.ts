import { ElfgateError } from '../../errors.ts';
import { type Effort, findInChain, mayHold, systemVHash } from './symbol-hash.ts';
import { definesFor, measureName, type SymbolIndex, use } from './symbol-index.ts';

/** A reference of an object to a symbol, ready to be looked up in others. */
export interface Wanted {
  readonly index: SymbolIndex;
  /** Number of the symbol in the referring object. */
  readonly symbol: number;
  /** One of {@link use}. */
  readonly use: number;
  /** The version that it asks for; `null` when it names none. */
  readonly version: string | null;
  /** The needed library that should define that version; `null` without one, and for the object's own versions. */
  readonly library: string | null;
}

/** What a reference asks for. */
export function wantedBy(index: SymbolIndex, reference: number): Wanted {
  const symbol = index.references.symbols[reference] ?? 0;
  const version = versionOf(index, symbol);
  return {
    index,
    symbol,
    use: index.references.uses[reference] ?? use.data,
    version: index.versionNames[version] ?? null,
    library: libraryOf(index, version),
  };
}

/** The `library` of {@link wantedBy}, alone. */
export function libraryNamedBy(index: SymbolIndex, reference: number): string | null {
  return libraryOf(index, versionOf(index, index.references.symbols[reference] ?? 0));
}

// 0 is local and 1 global without a version; the names of both are absent.
function versionOf({ versionEntries }: SymbolIndex, symbol: number): number {
  return (versionEntries?.[symbol] ?? 0) & 0x7fff;
}

function libraryOf({ versionNames, versionLibraries }: SymbolIndex, version: number): string | null {
  return versionNames[version] === undefined ? null : (versionLibraries[version] ?? null);
}

/** Steps that the look-ups of one closure may still take, and the file that it starts at. */
export interface LookupEffort extends Effort {
  readonly of: string;
}

/** @throws ElfgateError `limit` when hash tables or names were made to keep their reader busy. */
export function assertEffortLeft({ left, of }: LookupEffort): void {
  if (left <= 0) {
    throw new ElfgateError('limit', `${of}: looking its symbols up takes more steps than those of any real program`);
  }
}

/** Bytes of a name that take about as long as a step in a chain. */
const nameBytesPerStep = 16;

/**
 * The symbol of `provider` that a reference binds to; 0 when it has none that will do.
 *
 * glibc: `elf/dl-lookup.c`, do_lookup_x and check_match. musl: `ldso/dynlink.c`, find_sym2, which looks at no version
 * but the mark of those that are not the default.
 */
export function findDefinition(
  wanted: Wanted,
  provider: SymbolIndex,
  linker: 'glibc' | 'musl',
  effort: LookupEffort,
): number {
  return mayDefine(wanted.index, wanted.symbol, provider, effort) ? definitionIn(wanted, provider, linker, effort) : 0;
}

/** Whether a symbol of an object may be defined by another one: most are not, which the filter of its hash table tells. */
export function mayDefine(
  index: SymbolIndex,
  symbol: number,
  { hash }: Pick<SymbolIndex, 'hash'>,
  effort: LookupEffort,
): boolean {
  assertEffortLeft(effort);
  if (hash === null) {
    return false;
  }
  measureName(index, symbol);
  const { hashes, lengths } = index.measured;
  effort.left -= 1 + ((lengths[symbol] ?? 1) - 1) / nameBytesPerStep;
  return hash.kind !== 'gnu' || mayHold(hash, hashes[symbol] ?? 0);
}

/** {@link findDefinition} where {@link mayDefine} is true. */
export function definitionIn(
  wanted: Wanted,
  { hash, defines, names, strings, versionEntries, versionNames }: SymbolIndex,
  linker: 'glibc' | 'musl',
  effort: LookupEffort,
): number {
  if (hash === null) {
    return 0;
  }
  const { measured } = wanted.index;
  const start = wanted.index.names[wanted.symbol] ?? 0;
  const nameSteps = ((measured.lengths[wanted.symbol] ?? 1) - 1) / nameBytesPerStep;
  const isCall = wanted.use === use.call;
  const needed =
    linker === 'glibc'
      ? isCall
        ? definesFor.glibcCall
        : definesFor.glibcData
      : isCall
        ? definesFor.muslCall
        : definesFor.muslData;
  let found = 0;
  let onlyVersioned = 0;
  let versionedCount = 0;
  const accept = (symbol: number): boolean => {
    if (
      ((defines[symbol] ?? 0) & needed) === 0 ||
      !sameName(wanted.index.strings, start, strings, names[symbol] ?? strings.length)
    ) {
      return false;
    }
    effort.left -= nameSteps;
    const entry = versionEntries?.[symbol] ?? 0;
    const isHidden = (entry & 0x8000) !== 0;
    if (linker === 'musl') {
      found = isHidden ? 0 : symbol;
      return !isHidden;
    }
    if (wanted.version !== null) {
      const version = versionNames[entry & 0x7fff];
      // A definition without a version serves every reference, unless it is hidden.
      if (versionEntries !== null && version !== wanted.version && (version !== undefined || isHidden)) {
        return false;
      }
    } else if ((entry & 0x7fff) >= 3) {
      // Indexes up to 2 are those of the base and of the oldest version, which references without one mean. A single
      // newer one that is the default will do as well.
      if (!isHidden) {
        versionedCount += 1;
        onlyVersioned ||= symbol;
      }
      return false;
    }
    found = symbol;
    return true;
  };
  const hashes = {
    gnu: measured.hashes[wanted.symbol] ?? 0,
    systemV: () => systemVHash(wanted.index.strings, start),
  };
  return findInChain(hash, hashes, accept, effort) ? found : versionedCount === 1 ? onlyVersioned : 0;
}

function sameName(left: Uint8Array, leftStart: number, right: Uint8Array, rightStart: number): boolean {
  for (let at = 0; ; at++) {
    const one = left[leftStart + at];
    if (one !== right[rightStart + at] || one === undefined) {
      return false;
    }
    if (one === 0) {
      return true;
    }
  }
}
