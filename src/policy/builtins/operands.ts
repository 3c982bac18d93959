import { BuiltinError } from './builtin.ts';

/** A text operand. @throws BuiltinError for anything else. */
export function textOf(value: unknown): string {
  if (typeof value !== 'string') {
    throw new BuiltinError('operand must be string');
  }
  return value;
}

/** An integer operand that fits into 64 bits. @throws BuiltinError for anything else. */
export function integerOf(value: unknown): bigint {
  if (typeof value !== 'bigint' && (typeof value !== 'number' || !Number.isInteger(value))) {
    throw new BuiltinError('operand must be integer');
  }
  const integer = BigInt(value);
  if (BigInt.asIntN(64, integer) !== integer) {
    throw new BuiltinError('operand does not fit into 64 bits');
  }
  return integer;
}

/** An object operand. @throws BuiltinError for anything else. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Set) {
    throw new BuiltinError('operand must be object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/** The items of an array or a set. @throws BuiltinError for anything else. */
export function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    return value;
  }
  if (value instanceof Set) {
    return [...value];
  }
  throw new BuiltinError('operand must be array or set');
}

/** Sets become sorted lists, as they do in OPA's JSON. */
export function jsonOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(jsonOf);
  }
  if (value instanceof Set) {
    return [...value].map(jsonOf).sort(comparePlain);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonOf(item)]));
  }
  return value;
}

const kinds = ['null', 'boolean', 'number', 'string', 'array', 'object', 'set'];

/** The order of Rego's values, for plain ones. */
export function comparePlain(a: unknown, b: unknown): number {
  const [left, right] = [kindOf(a), kindOf(b)];
  if (left !== right) {
    return kinds.indexOf(left) - kinds.indexOf(right);
  }
  switch (left) {
    case 'boolean':
      return Number(a) - Number(b);
    case 'number':
      return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
    case 'string':
      return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string));
    case 'array':
      return compareLists(a as unknown[], b as unknown[]);
    case 'set':
      return compareLists([...(a as Set<unknown>)].sort(comparePlain), [...(b as Set<unknown>)].sort(comparePlain));
    case 'object':
      return compareLists(sortedEntries(a), sortedEntries(b));
    default:
      return 0;
  }
}

function sortedEntries(value: unknown): unknown[] {
  return Object.entries(value as object)
    .sort(([a], [b]) => comparePlain(a, b))
    .flat();
}

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, item] of a.entries()) {
    if (index >= b.length) {
      return 1;
    }
    const order = comparePlain(item, b[index]);
    if (order !== 0) {
      return order;
    }
  }
  return a.length - b.length;
}

function kindOf(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'array';
  }
  if (value instanceof Set) {
    return 'set';
  }
  return typeof value === 'bigint' ? 'number' : typeof value;
}
