import { BuiltinError, type Builtins, rego } from './builtin.ts';
import type { RegoValue } from './rego-value.ts';

/** Deprecated in OPA, and still met in policies for Rego v0: the value itself, where it is of the kind. */
export const casts: Builtins = {
  cast_array: rego((value) => (value?.type === 'set' ? { ...value, type: 'array' } : only(value, 'array'))),
  cast_boolean: rego((value) => only(value, 'boolean')),
  cast_null: rego((value) => only(value, 'null')),
  cast_object: rego((value) => only(value, 'object')),
  cast_set: rego((value) => (value?.type === 'array' ? { ...value, type: 'set' } : only(value, 'set'))),
  cast_string: rego((value) => only(value, 'string')),
};

function only(value: RegoValue | undefined, type: RegoValue['type']): RegoValue {
  if (value?.type !== type) {
    throw new BuiltinError(`operand must be ${type}`);
  }
  return value;
}
