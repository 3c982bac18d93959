import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { SHN } from '../elf/names.ts';
import { placeName } from '../elf/place.ts';
import { decodeName } from '../elf/string-table.ts';

/**
 * The fingerprint of a package's export data that the linker left for plugin.Open to compare
 * (`cmd/link/internal/ld/symtab.go`, `runtime/plugin.go`).
 */
export interface PackageHash {
  /** Import path. */
  readonly package: string;
  /** The link-time hash, hexadecimal. */
  readonly hash: string;
  /** Where the hash stands in the file, as evidence names it. */
  readonly at: string;
}

export interface PackageHashes {
  /** By import path. */
  readonly byPackage: ReadonlyMap<string, PackageHash>;
  /**
   * Import paths in the order in which the runtime compares them when this file is opened as a plugin: that of the
   * relocations against `go:link.pkghash.*`. Empty in hosts, whose pointers need no relocation.
   */
  readonly checkOrder: readonly string[];
}

// Go 1.20 renamed the linker's own symbols from `go.link.` to `go:link.`.
const linkName = /^go[.:]link\.pkghash(bytes|)\.(.*)$/s;
const prefixBytes = Buffer.from('link.pkghash');

// The linker writes 8 bytes; 20, a SHA-1, until 1.16.
const longestHash = 64;

/**
 * Reads the hashes out of the dynamic symbols, where they survive stripping; `null` when the file has none, as every
 * binary that was not linked for plugins.
 *
 * @throws FormatError when a hash lies outside the file or there are more than any Go program has.
 */
export function readPackageHashes(elf: ElfFile): PackageHashes | null {
  const symbols = elf.dynamicSymbols;
  if (symbols === null || !symbols.strings.bytes.includes(prefixBytes)) {
    return null;
  }
  const byPackage = new Map<string, PackageHash>();
  const pointers = new Map<number, string>();
  for (const { index, name } of symbolsNamedLike(elf)) {
    const [, kind, escaped = ''] = linkName.exec(name) ?? [];
    if (kind === 'bytes' && symbols.section(index) !== SHN.undefined) {
      const size = symbols.size(index);
      const at = elf.memory.offsetOf(symbols.value(index));
      if (at !== null && size > 0 && size <= longestHash) {
        const importPath = unescapedPath(escaped);
        const hash = elf.memory.read(symbols.value(index), size, `the hash of ${importPath}`).toString('hex');
        if (byPackage.size >= limits.goPackages) {
          throw new FormatError(at, `more than ${limits.goPackages} packages, which is more than are read`);
        }
        byPackage.set(importPath, { package: importPath, hash, at: placeName(elf, at) });
      }
    } else if (kind === '') {
      pointers.set(index, unescapedPath(escaped));
    }
  }
  if (byPackage.size === 0) {
    return null;
  }
  let order: readonly string[] | undefined;
  return {
    byPackage,
    get checkOrder() {
      order ??= orderOfRelocations(elf, pointers);
      return order;
    },
  };
}

function orderOfRelocations(elf: ElfFile, pointers: ReadonlyMap<number, string>): readonly string[] {
  const { length, symbols, addresses, runs } = elf.relocations;
  const places: { readonly path: string; readonly address: number }[] = [];
  // One relocation of a hundred is against such a pointer: a column of marks passes over the others sooner than a map.
  const marked = new Uint8Array(elf.dynamicSymbols?.length ?? 0);
  for (const symbol of pointers.keys()) {
    marked[symbol] = 1;
  }
  for (let run = 0; run < runs.length; run++) {
    const start = runs[run] ?? 0;
    const symbol = symbols[start] ?? 0;
    const path = marked[symbol] === 1 ? pointers.get(symbol) : undefined;
    for (let index = start; path !== undefined && index < (runs[run + 1] ?? length); index++) {
      places.push({ path, address: addresses[index] ?? 0 });
    }
  }
  places.sort((left, right) => left.address - right.address);
  return [...new Set(places.map(({ path }) => path))];
}

// Ten thousand symbols have names, a hundred of them this one: finding the text first spares decoding the others.
function symbolsNamedLike(elf: ElfFile): readonly { readonly index: number; readonly name: string }[] {
  const symbols = elf.dynamicSymbols;
  if (symbols === null) {
    return [];
  }
  const { bytes } = symbols.strings;
  const starts = new Set<number>();
  for (let found = bytes.indexOf(prefixBytes); found !== -1; found = bytes.indexOf(prefixBytes, found + 1)) {
    // Both spellings, "go." and "go:", stand three bytes before.
    starts.add(found - 3);
  }
  return symbols.namedAt(starts).map((index) => ({ index, name: symbols.name(index) }));
}

/** The import path behind a symbol name: `%2e` for a dot of the last element, and the like (`cmd/internal/objabi`). */
export function unescapedPath(escaped: string): string {
  if (!escaped.includes('%')) {
    return escaped;
  }
  const bytes = Buffer.from(
    escaped.replaceAll(/%([0-9a-f]{2})/g, (_all, digits) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  );
  return decodeName(bytes);
}

// Controls, blanks, what is not ASCII, quotes, percent signs, and dots of the last element.
const escapedCharacters = /[^\x21-\x7e]|["%]|\.[^/]*$/;

/** The reverse of {@link unescapedPath}: how `cmd/internal/objabi.PathToPrefix` spells a path in symbol names. */
export function escapedPath(importPath: string): string {
  if (!escapedCharacters.test(importPath)) {
    return importPath;
  }
  const lastElement = importPath.lastIndexOf('/') + 1;
  let escaped = '';
  for (const [position, byte] of Buffer.from(importPath, 'utf8').entries()) {
    const plain =
      byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x22 && !(byte === 0x2e && position >= lastElement);
    escaped += plain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return escaped;
}
