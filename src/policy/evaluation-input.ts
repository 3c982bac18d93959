import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { stringifyExactly } from './exact-json.ts';

/**
 * JSON text of a value, as UTF-8.
 *
 * A policy that receives malformed JSON sees no input at all and finds nothing, so everything that JSON cannot say
 * is refused here. Integers that a double cannot hold are exact as `bigint`, and refused as `number`: their true
 * value is lost already.
 *
 * @throws ElfgateError `evaluation` for a value that has no exact JSON form, `limit` for one too large or too deep.
 */
export function encodeInput(value: unknown): Uint8Array<ArrayBuffer> {
  const hasBigInt = assertJson(value, []);
  const text = hasBigInt ? stringifyExactly(value) : JSON.stringify(value);
  const bytes = new TextEncoder().encode(text);
  if (bytes.byteLength > limits.evaluationInputBytes) {
    throw new ElfgateError(
      'limit',
      `the facts have ${bytes.byteLength} bytes as JSON, above the limit of ${limits.evaluationInputBytes} of one evaluation`,
      {
        hint: 'check parts of the target on their own',
      },
    );
  }
  return bytes;
}

/**
 * Whether there is a bigint in the value.
 *
 * @param path where the value stands; one list that grows and shrinks, as facts have a hundred thousand values.
 */
function assertJson(value: unknown, path: (string | number)[]): boolean {
  switch (typeof value) {
    case 'boolean':
      return false;
    case 'bigint':
      return true;
    case 'string':
      if (!value.isWellFormed()) {
        throw unsuitable(path, 'is text with half a surrogate pair, which no JSON parser agrees on');
      }
      return false;
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
      return false;
    case 'object':
      break;
    default:
      throw unsuitable(path, `is ${typeof value}`);
  }
  if (value === null) {
    return false;
  }
  if (path.length >= limits.evaluationInputDepth) {
    throw new ElfgateError('limit', `the facts are nested deeper than ${limits.evaluationInputDepth} levels`);
  }
  let hasBigInt = false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      path.push(index);
      hasBigInt = assertJson(value[index], path) || hasBigInt;
      path.pop();
    }
    return hasBigInt;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in value) {
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
      hasBigInt = assertJson(item, path) || hasBigInt;
      path.pop();
    }
  }
  return hasBigInt;
}

function unsuitable(path: readonly (string | number)[], sentence: string): ElfgateError {
  const place = path.length === 0 ? 'it' : path.map((element) => `/${element}`).join('');
  return new ElfgateError('evaluation', `the input of a policy must be JSON: ${place} ${sentence}`);
}
