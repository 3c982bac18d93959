/** Text as a Go string literal: `strconv.Quote`, or `strconv.QuoteToASCII`. */
export function quote(text: string, characters: 'printable' | 'ascii' = 'printable'): string {
  let quoted = '"';
  for (const character of text) {
    quoted += escaped(character, '"', characters);
  }
  return `${quoted}"`;
}

/** A code point as a Go character literal: `strconv.QuoteRune`, or `strconv.QuoteRuneToASCII`. */
export function quoteCharacter(character: string, characters: 'printable' | 'ascii' = 'printable'): string {
  return `'${escaped(character, "'", characters)}'`;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols, and of spaces only the ASCII one. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function escaped(character: string, delimiter: string, characters: 'printable' | 'ascii'): string {
  if (character === delimiter || character === '\\') {
    return `\\${character}`;
  }
  const code = character.codePointAt(0) ?? 0;
  if (printable.test(character) && (characters === 'printable' || code < 0x80)) {
    return character;
  }
  const short = shortEscapes[character];
  if (short !== undefined) {
    return short;
  }
  const digits = code.toString(16);
  if (code < 0x20 || code === 0x7f) {
    return `\\x${digits.padStart(2, '0')}`;
  }
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}

/** `strconv.CanBackquote`: one line without control characters other than tab, and without a back quote. */
export function canBackquote(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return !/[\u0000-\u0008\u000a-\u001f\u007f`\ufeff]/.test(text);
}
