import { BuiltinError, type Builtins, rego } from './builtin.ts';
import { compareRego, type RegoValue } from './rego-value.ts';

export const jsonPatches: Builtins = { 'json.patch': rego(patch) };

/** RFC 6902 over every Rego value: a path leads through sets, too, by the member itself. */
function patch(target: RegoValue | undefined, operations: RegoValue | undefined): RegoValue | undefined {
  if (operations?.type !== 'array') {
    throw new BuiltinError('operand 2 must be array');
  }
  return operations.items.reduce<RegoValue | undefined>(apply, target);
}

function apply(document: RegoValue | undefined, operation: RegoValue): RegoValue | undefined {
  const path = pathOf(attribute(operation, 'path'));
  const name = attribute(operation, 'op');
  const value = (): RegoValue => attribute(operation, 'value');
  const from = (): readonly RegoValue[] => pathOf(attribute(operation, 'from'));
  switch (name.type === 'string' ? name.value : '') {
    case 'add':
      return inserted(document, path, value());
    case 'remove':
      return removed(document, path);
    case 'replace':
      return inserted(removed(document, path), path, value());
    case 'move': {
      const moved = at(document, from());
      return inserted(removed(document, from()), path, moved);
    }
    case 'copy':
      return inserted(document, path, at(document, from()));
    case 'test':
      if (compareRego(at(document, path), value()) !== 0) {
        throw new BuiltinError('the tested value is another one');
      }
      return document;
    default:
      throw new BuiltinError('unrecognized op');
  }
}

function attribute(operation: RegoValue, name: string): RegoValue {
  const found = operation.type === 'object' ? member(operation, { type: 'string', value: name }) : undefined;
  if (found === undefined) {
    throw new BuiltinError(`missing required attribute '${name}'`);
  }
  return found;
}

/** A JSON pointer, whose first slashes may be left out, or a list of keys. */
function pathOf(path: RegoValue): readonly RegoValue[] {
  if (path.type === 'array' || path.type === 'set') {
    return path.items;
  }
  if (path.type !== 'string') {
    throw new BuiltinError('a path must be one of {set, array} containing string paths or array of path segments');
  }
  return path.value === ''
    ? []
    : path.value
        .replace(/^\/+/, '')
        .split('/')
        .map((part) => ({ type: 'string', value: part.replaceAll('~1', '/').replaceAll('~0', '~') }));
}

function at(document: RegoValue | undefined, path: readonly RegoValue[]): RegoValue {
  let value = document;
  for (const key of path) {
    value = value === undefined ? undefined : child(value, key);
  }
  if (value === undefined) {
    throw new BuiltinError('path does not exist');
  }
  return value;
}

function child(value: RegoValue, key: RegoValue): RegoValue | undefined {
  switch (value.type) {
    case 'object':
      return member(value, key);
    case 'set':
      return value.items.find((item) => compareRego(item, key) === 0);
    case 'array':
      return value.items[indexOf(value.items.length, key)];
    default:
      return undefined;
  }
}

function member(value: RegoValue & { readonly type: 'object' }, key: RegoValue): RegoValue | undefined {
  return value.entries.find(([other]) => compareRego(other, key) === 0)?.[1];
}

/** The document with the value at the path changed by `change`; what leads there must exist. */
function changed(
  document: RegoValue | undefined,
  path: readonly RegoValue[],
  change: (parent: RegoValue, key: RegoValue) => RegoValue,
): RegoValue {
  const [key, ...rest] = path;
  if (document === undefined || key === undefined) {
    throw new BuiltinError('path does not exist');
  }
  if (rest.length === 0) {
    return change(document, key);
  }
  const before = child(document, key);
  const after = changed(before, rest, change);
  switch (document.type) {
    case 'object':
      return {
        type: 'object',
        entries: document.entries.map(([other, item]) => [other, compareRego(other, key) === 0 ? after : item]),
      };
    case 'array':
      return { type: 'array', items: document.items.with(indexOf(document.items.length, key), after) };
    case 'set':
      return setOf([...document.items.filter((item) => compareRego(item, key) !== 0), after]);
    default:
      throw new BuiltinError('expected composite type');
  }
}

function inserted(document: RegoValue | undefined, path: readonly RegoValue[], value: RegoValue): RegoValue {
  if (path.length === 0) {
    return value;
  }
  return changed(document, path, (parent, key) => {
    switch (parent.type) {
      case 'object':
        return {
          type: 'object',
          entries: [...parent.entries.filter(([other]) => compareRego(other, key) !== 0), [key, value]],
        };
      case 'set':
        if (compareRego(key, value) !== 0) {
          throw new BuiltinError('set key does not equal value to be inserted');
        }
        return setOf([...parent.items, value]);
      case 'array': {
        const index = indexOf(parent.items.length, key);
        if (index > parent.items.length) {
          throw new BuiltinError('index for array insertion out of bounds');
        }
        return { type: 'array', items: parent.items.toSpliced(index, 0, value) };
      }
      default:
        throw new BuiltinError('expected composite type');
    }
  });
}

function removed(document: RegoValue | undefined, path: readonly RegoValue[]): RegoValue | undefined {
  if (path.length === 0) {
    return undefined;
  }
  return changed(document, path, (parent, key) => {
    if (child(parent, key) === undefined) {
      throw new BuiltinError('cannot delete what does not exist');
    }
    switch (parent.type) {
      case 'object':
        return { type: 'object', entries: parent.entries.filter(([other]) => compareRego(other, key) !== 0) };
      case 'array':
        return { type: 'array', items: parent.items.toSpliced(indexOf(parent.items.length, key), 1) };
      case 'set':
        return { type: 'set', items: parent.items.filter((item) => compareRego(item, key) !== 0) };
      default:
        throw new BuiltinError('expected composite type');
    }
  });
}

function setOf(items: readonly RegoValue[]): RegoValue {
  return {
    type: 'set',
    items: items.filter((item, index) => items.findIndex((other) => compareRego(item, other) === 0) === index),
  };
}

/** `-` is the place after the last. */
function indexOf(length: number, key: RegoValue): number {
  if (key.type === 'string' && key.value === '-') {
    return length;
  }
  const digits = key.type === 'string' ? key.value : key.type === 'number' ? key.digits : '';
  if (!/^(?:0|[1-9]\d*)$/.test(digits)) {
    throw new BuiltinError('invalid string for indexing');
  }
  return Number(digits);
}
