import { numberOf, writePlain } from './builtins/plain-value.ts';
import type { RegoValue } from './builtins/rego-value.ts';

/**
 * Reads and writes values where a compiled policy keeps them, by the structures of `wasm/src/value.h` of OPA 1.22.
 *
 * Half of the time of a call of a built-in went into writing its operands out as text and parsing that again.
 * The structures are those of the compiler that `opa/go.mod` pins; bundles are made by no other.
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
   * The JSON of a value, as `opa_json_dump` writes it, where it is not far too long and holds nothing rare: control characters, long
   * numbers, and keys of objects that are no texts. The runtime hashes each key, and each item of a set with all that it
   * holds, only to step to the next.
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

/** The first byte of every value. Those that are interned lie in the module's own data. */
const types = {
  null: 1,
  boolean: 2,
  number: 3,
  string: 4,
  array: 5,
  object: 6,
  set: 7,
  internedString: 8,
  internedBoolean: 9,
} as const;

/** The second byte of a number: 64 bits in place, or the address and length of its digits. */
const numberInPlace = 1;

/** Bytes of `opa_string_t`. */
const stringHeaderBytes = 12;

/** Bytes of the longest text that is printed plainly. Messages have a hundred. */
const printedBytes = 4_096;
const ascii = {
  space: 0x20,
  quote: 0x22,
  percent: 0x25,
  comma: 0x2c,
  minus: 0x2d,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  d: 0x64,
  s: 0x73,
  openBrace: 0x7b,
  closeBrace: 0x7d,
  afterLast: 0x80,
} as const;

/** Bytes that are kept for plain JSON. The findings of a facts document of 10 KB take two. */
const jsonBytes = 65_536;
/** Bytes of the longest. Those of a Debian root take 300 KB. */
const mostJsonBytes = 8_388_608;
/** Levels of it. Findings have four. */
const jsonDepth = 16;
/** Bytes of the marks between two values: what ends the levels of one, and what begins those of the next. */
const jsonMarks = 4 * jsonDepth;
const [nullText, falseText, trueText] = [Buffer.from('null'), Buffer.from('false'), Buffer.from('true')] as const;

export function valueMemory(memory: WebAssembly.Memory): ValueMemory {
  // Growing the memory detaches what was made of it.
  let buffer = memory.buffer;
  let bytes = Buffer.from(buffer);
  let view = new DataView(buffer);
  const refresh = (): void => {
    if (memory.buffer !== buffer) {
      buffer = memory.buffer;
      bytes = Buffer.from(buffer);
      view = new DataView(buffer);
    }
  };
  const word = (address: number): number => view.getUint32(address, true);
  const textOf = (address: number): string => {
    const start = word(address + 8);
    return bytes.toString('utf8', start, start + word(address + 4));
  };
  const digitsOf = (address: number): string => {
    if (view.getUint8(address + 1) === numberInPlace) {
      return view.getBigInt64(address + 8, true).toString();
    }
    const start = word(address + 8);
    // Rego allows to leave out a zero before the point, and the compiled policy keeps that.
    return bytes.toString('latin1', start, start + word(address + 12)).replace(/^(-?)\./, '$10.');
  };
  const isString = (address: number): boolean => {
    const type = view.getUint8(address);
    return type === types.string || type === types.internedString;
  };
  /** Digits of an integer as Go writes it; `-0` and `007` are not. */
  const areDigits = (start: number, end: number): boolean => {
    const first = bytes[start] === ascii.minus ? start + 1 : start;
    if (first === end || (bytes[first] === ascii.zero && end - start > 1)) {
      return false;
    }
    for (let at = first; at < end; at++) {
      const digit = bytes[at] ?? 0;
      if (digit < ascii.zero || digit > ascii.nine) {
        return false;
      }
    }
    return true;
  };
  const printed = new Uint8Array(printedBytes);
  let printedCount = 0;
  const print = (start: number, end: number): boolean => {
    if (end - start > printedBytes - printedCount) {
      return false;
    }
    // The engine keeps what is constant in registers.
    const source = bytes;
    let count = printedCount;
    for (let at = start; at < end; at++) {
      printed[count++] = source[at] ?? 0;
    }
    printedCount = count;
    return true;
  };
  const printInteger = (address: number): boolean => {
    if (view.getUint8(address) !== types.number) {
      return false;
    }
    if (view.getUint8(address + 1) !== numberInPlace) {
      const start = word(address + 8);
      const end = start + word(address + 12);
      return areDigits(start, end) && print(start, end);
    }
    const low = view.getInt32(address + 8, true);
    const isShort = view.getInt32(address + 12, true) === low >> 31;
    const digits = isShort ? String(low) : view.getBigInt64(address + 8, true).toString();
    if (digits.length > printedBytes - printedCount) {
      return false;
    }
    for (let index = 0; index < digits.length; index++) {
      printed[printedCount++] = digits.charCodeAt(index);
    }
    return true;
  };
  let json = Buffer.alloc(jsonBytes);
  let jsonCount = 0;
  let jsonIsAscii = true;
  /** Whether there is room for as many bytes, and for the marks that may follow them. */
  const jsonHasRoom = (count: number): boolean => {
    const wanted = jsonCount + count + jsonMarks;
    if (wanted > json.length && wanted <= mostJsonBytes) {
      const short = json;
      json = Buffer.alloc(Math.min(mostJsonBytes, Math.max(wanted, 4 * short.length)));
      json.set(short.subarray(0, jsonCount));
    }
    return wanted <= json.length;
  };
  const putBytes = (source: Uint8Array, start: number, end: number): boolean => {
    if (!jsonHasRoom(end - start)) {
      return false;
    }
    for (let at = start; at < end; at++) {
      json[jsonCount++] = source[at] ?? 0;
    }
    return true;
  };
  const putText = (address: number): boolean => {
    const start = word(address + 8);
    const end = start + word(address + 4);
    // Each may be escaped.
    if (!jsonHasRoom(2 * (end - start) + 2)) {
      return false;
    }
    // The engine keeps what is constant in registers.
    const source = bytes;
    const target = json;
    let count = jsonCount;
    let all = 0;
    target[count++] = ascii.quote;
    for (let at = start; at < end; at++) {
      const byte = source[at] ?? 0;
      if (byte < ascii.space) {
        return false;
      }
      if (byte === ascii.quote || byte === ascii.backslash) {
        target[count++] = ascii.backslash;
      }
      target[count++] = byte;
      all |= byte;
    }
    target[count++] = ascii.quote;
    jsonCount = count;
    jsonIsAscii &&= all < ascii.afterLast;
    return true;
  };
  /** Those of 32 bits, and the digits of others where they are an integer's. */
  const putNumber = (address: number): boolean => {
    if (view.getUint8(address + 1) !== numberInPlace) {
      const start = word(address + 8);
      const end = start + word(address + 12);
      return areDigits(start, end) && putBytes(bytes, start, end);
    }
    const low = view.getInt32(address + 8, true);
    if (view.getInt32(address + 12, true) !== low >> 31) {
      return false;
    }
    const digits = String(low);
    if (!jsonHasRoom(digits.length)) {
      return false;
    }
    for (let index = 0; index < digits.length; index++) {
      json[jsonCount++] = digits.charCodeAt(index);
    }
    return true;
  };
  /** Puts the mark that ends a collection, in place of the one that would part its last item from another. */
  const endItems = (before: number, mark: number): void => {
    if (jsonCount === before) {
      jsonCount++;
    }
    json[jsonCount - 1] = mark;
  };
  const putArray = (address: number, depth: number): boolean => {
    const elements = word(address + 4);
    const length = word(address + 8);
    const before = jsonCount;
    for (let index = 0; index < length; index++) {
      if (!putValue(word(elements + index * 8 + 4), depth)) {
        return false;
      }
      json[jsonCount++] = ascii.comma;
    }
    endItems(before, ascii.closeBracket);
    return true;
  };
  /** Of an object (key, value, next) or of a set (value, next), bucket by bucket. */
  const putElements = (address: number, isObject: boolean, depth: number): boolean => {
    const buckets = word(address + 4);
    const count = word(address + 8);
    const before = jsonCount;
    const nextAt = isObject ? 8 : 4;
    for (let index = 0; index < count; index++) {
      for (let element = word(buckets + index * 4); element !== 0; element = word(element + nextAt)) {
        if (isObject) {
          const key = word(element);
          if (!isString(key) || !putText(key)) {
            return false;
          }
          json[jsonCount++] = ascii.colon;
        }
        if (!putValue(word(isObject ? element + 4 : element), depth)) {
          return false;
        }
        json[jsonCount++] = ascii.comma;
      }
    }
    endItems(before, isObject ? ascii.closeBrace : ascii.closeBracket);
    return true;
  };
  const putValue = (address: number, depth: number): boolean => {
    if (depth > jsonDepth || !jsonHasRoom(0)) {
      return false;
    }
    switch (view.getUint8(address)) {
      case types.string:
      case types.internedString:
        return putText(address);
      case types.object:
        json[jsonCount++] = ascii.openBrace;
        return putElements(address, true, depth + 1);
      case types.array:
        json[jsonCount++] = ascii.openBracket;
        return putArray(address, depth + 1);
      case types.set:
        json[jsonCount++] = ascii.openBracket;
        return putElements(address, false, depth + 1);
      case types.null:
        return putBytes(nullText, 0, nullText.length);
      case types.boolean:
      case types.internedBoolean: {
        const text = view.getUint8(address + 1) === 0 ? falseText : trueText;
        return putBytes(text, 0, text.length);
      }
      case types.number:
        return putNumber(address);
      default:
        return false;
    }
  };
  const arrayItems = <Item>(address: number, read: (item: number) => Item): Item[] => {
    const elements = word(address + 4);
    const length = word(address + 8);
    const items: Item[] = [];
    for (let index = 0; index < length; index++) {
      // Each is an index and a value.
      items.push(read(word(elements + index * 8 + 4)));
    }
    return items;
  };
  /** Visits the elements of an object (key, value, next) or of a set (value, next), bucket by bucket. */
  const visit = (address: number, nextAt: number, take: (element: number) => void): void => {
    const buckets = word(address + 4);
    const count = word(address + 8);
    for (let index = 0; index < count; index++) {
      for (let element = word(buckets + index * 4); element !== 0; element = word(element + nextAt)) {
        take(element);
      }
    }
  };
  const rego = (address: number): RegoValue => {
    const type = view.getUint8(address);
    switch (type) {
      case types.null:
        return { type: 'null' };
      case types.boolean:
      case types.internedBoolean:
        return { type: 'boolean', value: view.getUint8(address + 1) !== 0 };
      case types.number:
        return { type: 'number', digits: digitsOf(address) };
      case types.string:
      case types.internedString:
        return { type: 'string', value: textOf(address) };
      case types.array:
        return { type: 'array', items: arrayItems(address, rego) };
      case types.object: {
        const entries: [RegoValue, RegoValue][] = [];
        visit(address, 8, (element) => entries.push([rego(word(element)), rego(word(element + 4))]));
        return { type: 'object', entries };
      }
      case types.set: {
        const items: RegoValue[] = [];
        visit(address, 4, (element) => items.push(rego(word(element))));
        return { type: 'set', items };
      }
      default:
        throw unknownType(type);
    }
  };
  const plain = (address: number): unknown => {
    const type = view.getUint8(address);
    switch (type) {
      case types.null:
        return null;
      case types.boolean:
      case types.internedBoolean:
        return view.getUint8(address + 1) !== 0;
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
          const key = plain(word(element));
          entries.push([typeof key === 'string' ? key : writePlain(key), plain(word(element + 4))]);
        });
        // Not by assignment: `__proto__` is a key like any other.
        return Object.fromEntries(entries);
      }
      case types.set: {
        const items = new Set<unknown>();
        visit(address, 4, (element) => items.add(plain(word(element))));
        return items;
      }
      default:
        throw unknownType(type);
    }
  };

  return {
    readRego(address) {
      refresh();
      return rego(address);
    },
    readPlain(address) {
      refresh();
      return plain(address);
    },
    useString(address, use) {
      refresh();
      if (!isString(address)) {
        return null;
      }
      const start = word(address + 8);
      return use(bytes, start, start + word(address + 4));
    },
    isConstantText(address) {
      refresh();
      return view.getUint8(address) === types.internedString;
    },
    plainJson(address) {
      refresh();
      jsonCount = 0;
      jsonIsAscii = true;
      const text = putValue(address, 0) ? json.toString(jsonIsAscii ? 'latin1' : 'utf8', 0, jsonCount) : null;
      if (json.length > jsonBytes) {
        json = Buffer.alloc(jsonBytes);
      }
      return text;
    },
    terminatedText(address) {
      refresh();
      return bytes.toString('utf8', address, bytes.indexOf(0, address));
    },
    write(address, source) {
      refresh();
      bytes.set(source, address);
    },
    writeString(text, allocate) {
      const length = Buffer.byteLength(text);
      const address = allocate(stringHeaderBytes + length);
      refresh();
      view.setUint32(address, types.string, true);
      view.setUint32(address + 4, length, true);
      view.setUint32(address + 8, address + stringHeaderBytes, true);
      bytes.write(text, address + stringHeaderBytes, length);
      return address;
    },
    printPlainly(format, operands, allocate) {
      refresh();
      if (!isString(format) || view.getUint8(operands) !== types.array) {
        return 0;
      }
      const elements = word(operands + 4);
      const count = word(operands + 8);
      printedCount = 0;
      let used = 0;
      let from = word(format + 8);
      const end = from + word(format + 4);
      const source = bytes;
      for (let at = from; at < end; at++) {
        if (source[at] === ascii.percent) {
          if (used === count || !print(from, at)) {
            return 0;
          }
          const operand = word(elements + used * 8 + 4);
          const verb = ++at < end ? source[at] : 0;
          if (verb === ascii.s && isString(operand)) {
            const start = word(operand + 8);
            if (!print(start, start + word(operand + 4))) {
              return 0;
            }
          } else if (verb !== ascii.d || !printInteger(operand)) {
            return 0;
          }
          used++;
          from = at + 1;
        }
      }
      if (used !== count || !print(from, end)) {
        return 0;
      }
      const address = allocate(stringHeaderBytes + printedCount);
      refresh();
      view.setUint32(address, types.string, true);
      view.setUint32(address + 4, printedCount, true);
      view.setUint32(address + 8, address + stringHeaderBytes, true);
      const target = bytes;
      const text = address + stringHeaderBytes;
      for (let index = 0, length = printedCount; index < length; index++) {
        target[text + index] = printed[index] ?? 0;
      }
      return address;
    },
  };
}

function unknownType(type: number): Error {
  return new Error(`the policy holds a value of the unknown type ${type}`);
}
