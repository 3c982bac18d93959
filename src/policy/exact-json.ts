/**
 * JSON whose integers stay what they are. Go and Rego know integers of any size; `JSON.parse` rounds those above
 * 2^53 without a word. Here they are `bigint`.
 */

/** Sixteen digits in a row: fewer always fit into 2^53. Cheap to look for, and rarely found. */
const longDigits = /\d{16}/;
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
  if (!longDigits.test(text)) {
    return JSON.parse(text);
  }
  return exactJson.parse(text, (_key, value, { source = '' }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && integer.test(source) ? BigInt(source) : value,
  );
}

/** `undefined` where the value has no JSON form, as `JSON.stringify`. */
export function stringifyExactly(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'bigint' ? exactJson.rawJSON(item.toString()) : item,
  );
}
