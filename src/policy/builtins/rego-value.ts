import { quote } from './go-quote.ts';

/**
 * A Rego value as a compiled policy dumps it: JSON, with numbers as they are written and sets as sets. JSON alone
 * would lose both, and `sprintf` shows both.
 */
export type RegoValue =
  | { readonly type: 'null' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'number'; readonly digits: string }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array' | 'set'; readonly items: readonly RegoValue[] }
  | { readonly type: 'object'; readonly entries: readonly (readonly [RegoValue, RegoValue])[] };

/**
 * Reads what `opa_value_dump` of the ABI writes: JSON, with `{1,2}` for sets and `set()` for the empty one.
 *
 * @throws SyntaxError for anything else.
 */
export function parseRegoValue(text: string): RegoValue {
  let at = 0;

  const skipSpace = (): void => {
    while (text[at] === ' ' || text[at] === '\n') {
      at++;
    }
  };
  const takes = (token: string): boolean => {
    skipSpace();
    if (!text.startsWith(token, at)) {
      return false;
    }
    at += token.length;
    return true;
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    at += found?.length ?? 0;
    return found;
  };
  const list = (close: string): RegoValue[] => {
    const items: RegoValue[] = [];
    while (!takes(close)) {
      if (items.length > 0) {
        expect(',');
      }
      items.push(value());
    }
    return items;
  };
  const expect = (token: string): void => {
    if (!takes(token)) {
      throw new SyntaxError(`no Rego value: ${JSON.stringify(token)} expected at ${at} of ${text.slice(0, 200)}`);
    }
  };
  const braces = (): RegoValue => {
    if (takes('}')) {
      return { type: 'object', entries: [] };
    }
    const first = value();
    if (!takes(':')) {
      if (takes(',')) {
        return { type: 'set', items: [first, ...list('}')] };
      }
      expect('}');
      return { type: 'set', items: [first] };
    }
    const entries: [RegoValue, RegoValue][] = [[first, value()]];
    while (!takes('}')) {
      expect(',');
      const key = value();
      expect(':');
      entries.push([key, value()]);
    }
    return { type: 'object', entries };
  };
  const value = (): RegoValue => {
    skipSpace();
    if (takes('{')) {
      return braces();
    }
    if (takes('[')) {
      return { type: 'array', items: list(']') };
    }
    if (takes('set()')) {
      return { type: 'set', items: [] };
    }
    if (takes('null')) {
      return { type: 'null' };
    }
    if (takes('true')) {
      return { type: 'boolean', value: true };
    }
    if (takes('false')) {
      return { type: 'boolean', value: false };
    }
    const string = match(/"(?:[^"\\]|\\.)*"/y);
    if (string !== null) {
      return { type: 'string', value: JSON.parse(string) };
    }
    const digits = match(/-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?/y);
    if (digits !== null) {
      // Rego allows to leave out a zero before the point, and the compiled policy keeps that.
      return { type: 'number', digits: digits.replace(/^(-?)\./, '$10.') };
    }
    throw new SyntaxError(`no Rego value: ${text.slice(at, at + 200)}`);
  };

  const parsed = value();
  skipSpace();
  if (at !== text.length) {
    throw new SyntaxError(`no Rego value: ${text.slice(0, 200)}`);
  }
  return parsed;
}

/** The text of a value as OPA prints it: `{"a": [1, 2]}`, sets and keys in Rego's order. */
export function regoText(value: RegoValue): string {
  switch (value.type) {
    case 'null':
      return 'null';
    case 'boolean':
      return String(value.value);
    case 'number':
      return value.digits;
    case 'string':
      return quote(value.value);
    case 'array':
      return `[${value.items.map(regoText).join(', ')}]`;
    case 'set':
      return value.items.length === 0 ? 'set()' : `{${value.items.toSorted(compareRego).map(regoText).join(', ')}}`;
    case 'object':
      return `{${sortedEntries(value.entries)
        .map(([key, item]) => `${regoText(key)}: ${regoText(item)}`)
        .join(', ')}}`;
  }
}

const typeOrder: readonly RegoValue['type'][] = ['null', 'boolean', 'number', 'string', 'array', 'object', 'set'];

/** The order of all Rego values: `ast.Compare` of OPA. */
export function compareRego(a: RegoValue, b: RegoValue): number {
  if (a.type === 'boolean' && b.type === 'boolean') {
    return Number(a.value) - Number(b.value);
  }
  if (a.type === 'number' && b.type === 'number') {
    return compareNumbers(a.digits, b.digits);
  }
  if (a.type === 'string' && b.type === 'string') {
    return Buffer.compare(Buffer.from(a.value), Buffer.from(b.value));
  }
  if (a.type === 'array' && b.type === 'array') {
    return compareLists(a.items, b.items);
  }
  if (a.type === 'set' && b.type === 'set') {
    return compareLists(a.items.toSorted(compareRego), b.items.toSorted(compareRego));
  }
  if (a.type === 'object' && b.type === 'object') {
    return compareLists(sortedEntries(a.entries).flat(), sortedEntries(b.entries).flat());
  }
  return typeOrder.indexOf(a.type) - typeOrder.indexOf(b.type);
}

function compareNumbers(a: string, b: string): number {
  if (/^-?\d+$/.test(a) && /^-?\d+$/.test(b)) {
    const [left, right] = [BigInt(a), BigInt(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return Number(a) - Number(b);
}

function compareLists(a: readonly RegoValue[], b: readonly RegoValue[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    const order = right === undefined ? 1 : compareRego(left, right);
    if (order !== 0) {
      return order;
    }
  }
  return a.length - b.length;
}

function sortedEntries(entries: readonly (readonly [RegoValue, RegoValue])[]) {
  return entries.toSorted(([a], [b]) => compareRego(a, b));
}
