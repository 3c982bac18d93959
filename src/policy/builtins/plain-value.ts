import type { RegoValue } from './rego-value.ts';

/** A Rego value as plain JavaScript. Keys that are no text become the text of their JSON, as they do in OPA's JSON. */
export function plainOf(value: RegoValue): unknown {
  switch (value.type) {
    case 'null':
      return null;
    case 'boolean':
    case 'string':
      return value.value;
    case 'number':
      return numberOf(value.digits);
    case 'array':
      return value.items.map(plainOf);
    case 'set':
      return new Set(value.items.map(plainOf));
    case 'object':
      return Object.fromEntries(
        value.entries.map(([key, item]) => [
          key.type === 'string' ? key.value : writePlain(plainOf(key)),
          plainOf(item),
        ]),
      );
  }
}

/** A number as JavaScript holds it: `bigint` where a number would round an integer. */
export function numberOf(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isInteger(number) && !Number.isSafeInteger(number) && /^-?\d+$/.test(digits) ? BigInt(digits) : number;
}

/** Numbers whose digits must reach the policy as they are. */
export class ExactNumber {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

/** The text that `opa_value_parse` of the ABI reads as the value: JSON, and `{1,2}` for sets. */
export function writePlain(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.toWellFormed());
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) {
        throw new TypeError(`${value} is no number of Rego`);
      }
      return String(value);
    case 'object':
      break;
    default:
      throw new TypeError(`${typeof value} is no value of Rego`);
  }
  if (value === null) {
    return 'null';
  }
  if (value instanceof ExactNumber) {
    return value.digits;
  }
  if (Array.isArray(value)) {
    return `[${value.map(writePlain).join(',')}]`;
  }
  if (value instanceof Set) {
    return value.size === 0 ? 'set()' : `{${[...value].map(writePlain).join(',')}}`;
  }
  return `{${Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(key.toWellFormed())}:${writePlain(item)}`)
    .join(',')}}`;
}

/** The same for a value with its types. */
export function writeRego(value: RegoValue): string {
  switch (value.type) {
    case 'null':
      return 'null';
    case 'boolean':
      return String(value.value);
    case 'number':
      return value.digits;
    case 'string':
      return JSON.stringify(value.value.toWellFormed());
    case 'array':
      return `[${value.items.map(writeRego).join(',')}]`;
    case 'set':
      return value.items.length === 0 ? 'set()' : `{${value.items.map(writeRego).join(',')}}`;
    case 'object':
      return `{${value.entries.map(([key, item]) => `${writeRego(key)}:${writeRego(item)}`).join(',')}}`;
  }
}
