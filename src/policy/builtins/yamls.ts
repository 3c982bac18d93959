import { dump, loadAll } from 'js-yaml';
import { limits } from '../../limits.ts';
import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { exactSchema } from './exact-yaml.ts';
import { jsonOf, textOf } from './operands.ts';

export const yamls: Builtins = {
  'yaml.is_valid': plain((text) => {
    if (typeof text !== 'string') {
      return false;
    }
    try {
      loadAll(text, { schema: exactSchema });
      return true;
    } catch {
      return false;
    }
  }),
  'yaml.marshal': plain((value) =>
    dump(jsonOf(value), { schema: exactSchema, sortKeys: true, noRefs: true, lineWidth: -1 }),
  ),
  'yaml.unmarshal': plain((text) => {
    let value: unknown;
    try {
      // Only the first document counts.
      [value] = loadAll(textOf(text), { schema: exactSchema });
    } catch (cause) {
      throw new BuiltinError('invalid YAML', { cause });
    }
    return asJson(value, { left: limits.builtinItems });
  }),
};

/** Aliases are written out; a few lines of them can stand for more than any memory holds. */
function asJson(value: unknown, count: { left: number }): unknown {
  if (--count.left < 0) {
    throw new RangeError(`the document has more than ${limits.builtinItems} values`);
  }
  if (Array.isArray(value)) {
    return value.map((item) => asJson(item, count));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asJson(item, count)]));
  }
  return value ?? null;
}
