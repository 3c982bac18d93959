/**
 * JSON whose integers stay what they are. Go and Rego know integers of any size; `JSON.parse` rounds those above
 * 2^53 without a word. Here they are `bigint`.
 */

/** So many digits in a row are rare; fewer always fit into 2^53. */
const longDigits = 16;
const integer = /^-?\d+$/;

/** In V8 since 11.4 (Node 21); TypeScript's library does not know it yet. */
const exactJson = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
};

/** @throws SyntaxError when the text is not JSON. */
export function parseExactly(text: string): unknown {
  if (!hasLongDigits(text)) {
    return JSON.parse(text);
  }
  return exactJson.parse(text, (_key, value, { source = '' }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && integer.test(source) ? BigInt(source) : value,
  );
}

/** Looks at every sixteenth character, of which sixteen digits in a row hold one: a regular expression looks at each. */
function hasLongDigits(text: string): boolean {
  for (let at = longDigits - 1; at < text.length; at += longDigits) {
    if (isDigit(text, at)) {
      let start = at;
      while (start > 0 && isDigit(text, start - 1)) {
        start--;
      }
      let end = at + 1;
      while (end < text.length && isDigit(text, end)) {
        end++;
      }
      if (end - start >= longDigits) {
        return true;
      }
    }
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0x30 && unit <= 0x39;
}

/** `undefined` where the value has no JSON form, as `JSON.stringify`. */
export function stringifyExactly(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? exactJson.rawJSON(item.toString()) : item,
  );
}
