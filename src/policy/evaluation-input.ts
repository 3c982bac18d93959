import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { UnsuitableValue, type ValueImage, valueImage } from './value-image.ts';

/**
 * A value as a compiled policy reads it.
 *
 * A policy that receives malformed input sees none at all and finds nothing, so everything that JSON cannot say
 * is refused here. Integers that a double cannot hold are exact as `bigint`, and refused as `number`: their true
 * value is lost already.
 *
 * @param memory where to put it; its own, if absent.
 * @throws ElfgateError `evaluation` for a value that has no exact JSON form, `limit` for one too large or too deep.
 */
export function encodeInput(value: unknown, memory?: (bytes: number) => SharedArrayBuffer): ValueImage {
  try {
    return valueImage(value, memory);
  } catch (error) {
    if (!(error instanceof UnsuitableValue)) {
      throw error;
    }
    assertJson(value, []);
    throw new ElfgateError(
      'limit',
      `the facts need more than the ${limits.evaluationInputBytes} bytes of memory that one evaluation may have for them`,
      {
        hint: 'check parts of the target on their own',
      },
    );
  }
}

/**
 * Finds what is not JSON.
 *
 * @param path where the value stands; one list that grows and shrinks, as facts have a hundred thousand values.
 */
function assertJson(value: unknown, path: (string | number)[]): void {
  switch (typeof value) {
    case 'boolean':
    case 'bigint':
      return;
    case 'string':
      if (!value.isWellFormed()) {
        throw unsuitable(path, 'is text with half a surrogate pair, which no JSON parser agrees on');
      }
      return;
    case 'number':
      if (!Number.isFinite(value)) {
        throw unsuitable(path, `is ${value}`);
      }
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw unsuitable(
          path,
          `is the integer ${value}, which a number cannot hold exactly; state it as bigint or text`,
        );
      }
      return;
    case 'object':
      break;
    default:
      throw unsuitable(path, `is ${typeof value}`);
  }
  if (value === null) {
    return;
  }
  if (path.length >= limits.evaluationInputDepth) {
    throw new ElfgateError('limit', `the facts are nested deeper than ${limits.evaluationInputDepth} levels`);
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      path.push(index);
      assertJson(value[index], path);
      path.pop();
    }
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (
    (prototype !== Object.prototype && prototype !== null) ||
    ('toJSON' in value && typeof value.toJSON === 'function')
  ) {
    throw unsuitable(path, `is an instance of ${value.constructor?.name ?? 'a class'}, not plain data`);
  }
  for (const key of Object.keys(value)) {
    const item: unknown = Reflect.get(value, key);
    if (!key.isWellFormed()) {
      throw unsuitable(path, 'has a key with half a surrogate pair');
    }
    // An absent field and an undefined one are the same to JSON.
    if (item !== undefined) {
      path.push(key);
      assertJson(item, path);
      path.pop();
    }
  }
}

function unsuitable(path: readonly (string | number)[], sentence: string): ElfgateError {
  const place = path.length === 0 ? 'it' : path.map((element) => `/${element}`).join('');
  return new ElfgateError('evaluation', `the input of a policy must be JSON: ${place} ${sentence}`);
}
