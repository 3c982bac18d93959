import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { integerOf, textOf } from './operands.ts';

export const strings: Builtins = {
  indexof_n: plain(indexesOf),
  'strings.split_n': plain(splitAtMost),
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

/** `indexof_n`: where each occurrence begins, those that overlap included, in code points. */
function indexesOf(text: unknown, searched: unknown): readonly number[] {
  const [characters, wanted] = [[...textOf(text)], [...textOf(searched)]];
  if (wanted.length === 0) {
    throw new BuiltinError('empty search character');
  }
  return characters.flatMap((_, start) => (wanted.every((one, at) => characters[start + at] === one) ? [start] : []));
}

/** `strings.split_n`: the first pieces, or the last ones for a negative number. */
function splitAtMost(text: unknown, separator: unknown, count: unknown): readonly string[] {
  const delimiter = textOf(separator);
  const pieces = delimiter === '' ? [...textOf(text)] : textOf(text).split(delimiter);
  const wanted = Number(integerOf(count));
  return wanted >= 0 ? pieces.slice(0, wanted) : pieces.slice(wanted);
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
