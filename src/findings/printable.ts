/**
 * Text that does to a terminal nothing but show itself: control characters, which could move the cursor, recolour what
 * stands above or rename the window, and marks that turn the direction of writing, are written as escapes.
 *
 * Names of files, symbols and modules come from whoever made the file.
 */
export function printable(text: string): string {
  // Nearly every text is, and finding out is all that most of them need.
  if (text.search(unprintable) === -1) {
    return text;
  }
  return text.replaceAll(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// C0 and C1 controls and DEL (ECMA-48); line and paragraph separators; Unicode bidirectional controls (UAX 9).
const unprintable = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The same for every text inside a value of plain data. */
export function allPrintable<Value>(value: Value): Value;
export function allPrintable(value: unknown): unknown {
  if (typeof value === 'string') {
    return printable(value);
  }
  if (Array.isArray(value)) {
    return value.map((item) => allPrintable<unknown>(item));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [printable(key), allPrintable<unknown>(item)]),
    );
  }
  return value;
}
