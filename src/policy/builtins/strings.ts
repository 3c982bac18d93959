import { type Builtins, plain } from './builtin.ts';

export const strings: Builtins = {
  'strings.any_prefix_match': plain(anyPrefixMatch),
  'strings.any_suffix_match': plain(anySuffixMatch),
  'strings.count': plain(countOccurrences),
};

/** `strings.any_prefix_match`: whether any of some strings begins with any of others; each side a string or several. */
function anyPrefixMatch(searched: unknown, prefixes: unknown): boolean | undefined {
  return anyMatch(searched, prefixes, (string, prefix) => string.startsWith(prefix));
}

/** `strings.any_suffix_match`. */
function anySuffixMatch(searched: unknown, suffixes: unknown): boolean | undefined {
  return anyMatch(searched, suffixes, (string, suffix) => string.endsWith(suffix));
}

/** `strings.count`: occurrences that do not overlap; of the empty string, one more than there are characters. */
function countOccurrences(string: unknown, searched: unknown): number | undefined {
  if (typeof string !== 'string' || typeof searched !== 'string') {
    return undefined;
  }
  return searched === '' ? [...string].length + 1 : string.split(searched).length - 1;
}

function anyMatch(
  searched: unknown,
  affixes: unknown,
  matches: (string: string, affix: string) => boolean,
): boolean | undefined {
  const [strings, wanted] = [stringsOf(searched), stringsOf(affixes)];
  if (strings === undefined || wanted === undefined) {
    return undefined;
  }
  return strings.some((string) => wanted.some((affix) => matches(string, affix)));
}

function stringsOf(value: unknown): readonly string[] | undefined {
  const list = typeof value === 'string' ? [value] : value instanceof Set ? [...value] : value;
  return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : undefined;
}
