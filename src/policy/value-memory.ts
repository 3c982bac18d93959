import { numberOf, writePlain } from './builtins/plain-value.ts';
import type { RegoValue } from './builtins/rego-value.ts';
import { plainText } from './plain-text.ts';
import { PolicyMemory, stringHeaderBytes, types } from './policy-memory.ts';

/**
 * Reads and writes values where a compiled policy keeps them: half of the time of a call of a built-in went into writing its
 * operands out as text and parsing that again.
 */
export interface ValueMemory {
  readRego(address: number): RegoValue;
  /** As `plainOf` of `builtins/plain-value.ts`: records for objects, a `Set` for each set. */
  readPlain(address: number): unknown;
  /** Shows the UTF-8 of a value where it lies, from a start to before an end; of one that is no string, nothing: null. */
  useString<Result>(address: number, use: (bytes: Uint8Array, start: number, end: number) => Result): Result | null;
  /** Whether a value is a text of the module itself, which stays where it is for as long as there is the instance. */
  isConstantText(address: number): boolean;
  /**
   * The JSON of a value, as `opa_json_dump` writes it, where it is not far too long and holds nothing rare: control
   * characters, numbers that are no integers, and keys of objects that are no texts. The runtime hashes each key, and each
   * item of a set with all that it holds, only to step to the next.
   *
   * @returns null for everything else.
   */
  plainJson(address: number): string | null;
  /** The text at an address, up to its terminating zero byte. */
  terminatedText(address: number): string;
  /** Copies bytes to an address. */
  write(address: number, bytes: Uint8Array): void;
  /**
   * Makes a string value.
   *
   * @param allocate gives the address of as many bytes as it is asked for.
   */
  writeString(text: string, allocate: (bytes: number) => number): number;
  /**
   * Makes the string that `sprintf` makes, where that is `%s` of texts and `%d` of integers, as many as there are, and not
   * long: what messages are. To read the values and to write the text takes five times as long as copying their bytes.
   *
   * @returns 0 for everything else.
   */
  printPlainly(format: number, operands: number, allocate: (bytes: number) => number): number;
}

export function valueMemory(instanceMemory: WebAssembly.Memory): ValueMemory {
  const memory = new PolicyMemory(instanceMemory);
  const texts = plainText(memory);
  const textOf = (address: number): string => {
    const start = memory.word(address + 8);
    return memory.bytes.toString('utf8', start, start + memory.word(address + 4));
  };
  const digitsOf = (address: number): string => {
    if (memory.isNumberInPlace(address)) {
      return memory.view.getBigInt64(address + 8, true).toString();
    }
    const start = memory.word(address + 8);
    // Rego allows to leave out a zero before the point, and the compiled policy keeps that.
    return memory.bytes.toString('latin1', start, start + memory.word(address + 12)).replace(/^(-?)\./, '$10.');
  };
  const arrayItems = <Item>(address: number, read: (item: number) => Item): Item[] => {
    const elements = memory.word(address + 4);
    const length = memory.word(address + 8);
    const items: Item[] = [];
    for (let index = 0; index < length; index++) {
      // Each is an index and a value.
      items.push(read(memory.word(elements + index * 8 + 4)));
    }
    return items;
  };
  /** Visits the elements of an object (key, value, next) or of a set (value, next), bucket by bucket. */
  const visit = (address: number, nextAt: number, take: (element: number) => void): void => {
    const buckets = memory.word(address + 4);
    const count = memory.word(address + 8);
    for (let index = 0; index < count; index++) {
      for (let element = memory.word(buckets + index * 4); element !== 0; element = memory.word(element + nextAt)) {
        take(element);
      }
    }
  };
  const rego = (address: number): RegoValue => {
    const type = memory.type(address);
    switch (type) {
      case types.null:
        return { type: 'null' };
      case types.boolean:
      case types.internedBoolean:
        return { type: 'boolean', value: memory.isTrue(address) };
      case types.number:
        return { type: 'number', digits: digitsOf(address) };
      case types.string:
      case types.internedString:
        return { type: 'string', value: textOf(address) };
      case types.array:
        return { type: 'array', items: arrayItems(address, rego) };
      case types.object: {
        const entries: [RegoValue, RegoValue][] = [];
        visit(address, 8, (element) => entries.push([rego(memory.word(element)), rego(memory.word(element + 4))]));
        return { type: 'object', entries };
      }
      case types.set: {
        const items: RegoValue[] = [];
        visit(address, 4, (element) => items.push(rego(memory.word(element))));
        return { type: 'set', items };
      }
      default:
        throw unknownType(type);
    }
  };
  const plain = (address: number): unknown => {
    const type = memory.type(address);
    switch (type) {
      case types.null:
        return null;
      case types.boolean:
      case types.internedBoolean:
        return memory.isTrue(address);
      case types.number:
        return numberOf(digitsOf(address));
      case types.string:
      case types.internedString:
        return textOf(address);
      case types.array:
        return arrayItems(address, plain);
      case types.object: {
        const entries: [string, unknown][] = [];
        visit(address, 8, (element) => {
          const key = plain(memory.word(element));
          entries.push([typeof key === 'string' ? key : writePlain(key), plain(memory.word(element + 4))]);
        });
        // Not by assignment: `__proto__` is a key like any other.
        return Object.fromEntries(entries);
      }
      case types.set: {
        const items = new Set<unknown>();
        visit(address, 4, (element) => items.add(plain(memory.word(element))));
        return items;
      }
      default:
        throw unknownType(type);
    }
  };

  return {
    readRego(address) {
      memory.refresh();
      return rego(address);
    },
    readPlain(address) {
      memory.refresh();
      return plain(address);
    },
    useString(address, use) {
      memory.refresh();
      if (!memory.isString(address)) {
        return null;
      }
      const start = memory.word(address + 8);
      return use(memory.bytes, start, start + memory.word(address + 4));
    },
    isConstantText(address) {
      memory.refresh();
      return memory.type(address) === types.internedString;
    },
    plainJson(address) {
      memory.refresh();
      return texts.json(address);
    },
    terminatedText(address) {
      memory.refresh();
      return memory.bytes.toString('utf8', address, memory.bytes.indexOf(0, address));
    },
    write(address, source) {
      memory.refresh();
      memory.bytes.set(source, address);
    },
    writeString(text, allocate) {
      const length = Buffer.byteLength(text);
      const address = memory.allocateString(length, allocate);
      memory.bytes.write(text, address + stringHeaderBytes, length);
      return address;
    },
    printPlainly(format, operands, allocate) {
      memory.refresh();
      return texts.print(format, operands, allocate);
    },
  };
}

function unknownType(type: number): Error {
  return new Error(`the policy holds a value of the unknown type ${type}`);
}
