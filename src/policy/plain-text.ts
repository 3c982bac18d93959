import { type PolicyMemory, stringHeaderBytes, types } from './policy-memory.ts';

/**
 * Texts of values that are plain enough to be written byte by byte from where the policy keeps them. What is not, the
 * caller writes in the slow way that is right for everything.
 */
export interface PlainText {
  /** As `plainJson` of `ValueMemory`. */
  json(address: number): string | null;
  /** As `printPlainly` of `ValueMemory`. */
  print(format: number, operands: number, allocate: (bytes: number) => number): number;
}

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

/** Bytes of memory that are kept. The findings of a facts document of 10 KB take two thousand. */
const keptBytes = 65_536;
/** Bytes of the longest text that is printed. Messages have a hundred. */
const mostPrinted = 4_096;
/** Bytes of the longest JSON. Those of a Debian root take 300 KB. */
const mostJson = 8_388_608;
/** Levels of it. Findings have four. */
const jsonDepth = 16;
/** Bytes of the marks between two values: what ends the levels of one, and what begins those of the next. */
const jsonMarks = 4 * jsonDepth;
const [nullText, falseText, trueText] = [Buffer.from('null'), Buffer.from('false'), Buffer.from('true')] as const;

export function plainText(memory: PolicyMemory): PlainText {
  let written = Buffer.alloc(keptBytes);
  let count = 0;
  let most = 0;
  let isAscii = true;
  const begin = (bytes: number): void => {
    most = bytes;
    count = 0;
    isAscii = true;
  };
  /** Whether there is room for as many bytes, and for the marks that may follow them. */
  const hasRoom = (bytes: number): boolean => {
    const wanted = count + bytes + jsonMarks;
    if (wanted > written.length && wanted <= most) {
      const short = written;
      written = Buffer.alloc(Math.min(most, Math.max(wanted, 4 * short.length)));
      written.set(short.subarray(0, count));
    }
    return wanted <= most;
  };
  const putBytes = (source: Uint8Array, start: number, end: number): boolean => {
    if (!hasRoom(end - start)) {
      return false;
    }
    // The engine keeps what is constant in registers.
    const target = written;
    let to = count;
    for (let at = start; at < end; at++) {
      target[to++] = source[at] ?? 0;
    }
    count = to;
    return true;
  };
  /** Digits of an integer as Go writes it; `-0` and `007` are not. */
  const areDigits = (start: number, end: number): boolean => {
    const { bytes } = memory;
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
  /** An integer's; those of other numbers are rare. */
  const putNumber = (address: number): boolean => {
    if (!memory.isNumberInPlace(address)) {
      const start = memory.word(address + 8);
      const end = start + memory.word(address + 12);
      return areDigits(start, end) && putBytes(memory.bytes, start, end);
    }
    const low = memory.view.getInt32(address + 8, true);
    const isShort = memory.view.getInt32(address + 12, true) === low >> 31;
    const digits = isShort ? String(low) : memory.view.getBigInt64(address + 8, true).toString();
    if (!hasRoom(digits.length)) {
      return false;
    }
    for (let index = 0; index < digits.length; index++) {
      written[count++] = digits.charCodeAt(index);
    }
    return true;
  };
  /** In quotes, as JSON has it. */
  const putText = (address: number): boolean => {
    const start = memory.word(address + 8);
    const end = start + memory.word(address + 4);
    // Each may be escaped.
    if (!hasRoom(2 * (end - start) + 2)) {
      return false;
    }
    const source = memory.bytes;
    const target = written;
    let to = count;
    let all = 0;
    target[to++] = ascii.quote;
    for (let at = start; at < end; at++) {
      const byte = source[at] ?? 0;
      if (byte < ascii.space) {
        return false;
      }
      if (byte === ascii.quote || byte === ascii.backslash) {
        target[to++] = ascii.backslash;
      }
      target[to++] = byte;
      all |= byte;
    }
    target[to++] = ascii.quote;
    count = to;
    isAscii &&= all < ascii.afterLast;
    return true;
  };
  /** Puts the mark that ends a collection, in place of the one that would part its last item from another. */
  const endItems = (before: number, mark: number): void => {
    if (count === before) {
      count++;
    }
    written[count - 1] = mark;
  };
  const putArray = (address: number, depth: number): boolean => {
    const elements = memory.word(address + 4);
    const length = memory.word(address + 8);
    const before = count;
    for (let index = 0; index < length; index++) {
      if (!putValue(memory.word(elements + index * 8 + 4), depth)) {
        return false;
      }
      written[count++] = ascii.comma;
    }
    endItems(before, ascii.closeBracket);
    return true;
  };
  /** Of an object (key, value, next) or of a set (value, next), bucket by bucket. */
  const putElements = (address: number, isObject: boolean, depth: number): boolean => {
    const buckets = memory.word(address + 4);
    const bucketCount = memory.word(address + 8);
    const before = count;
    const nextAt = isObject ? 8 : 4;
    for (let index = 0; index < bucketCount; index++) {
      for (let element = memory.word(buckets + index * 4); element !== 0; element = memory.word(element + nextAt)) {
        if (isObject) {
          const key = memory.word(element);
          if (!memory.isString(key) || !putText(key)) {
            return false;
          }
          written[count++] = ascii.colon;
        }
        if (!putValue(memory.word(isObject ? element + 4 : element), depth)) {
          return false;
        }
        written[count++] = ascii.comma;
      }
    }
    endItems(before, isObject ? ascii.closeBrace : ascii.closeBracket);
    return true;
  };
  const putValue = (address: number, depth: number): boolean => {
    if (depth > jsonDepth || !hasRoom(0)) {
      return false;
    }
    switch (memory.type(address)) {
      case types.string:
      case types.internedString:
        return putText(address);
      case types.object:
        written[count++] = ascii.openBrace;
        return putElements(address, true, depth + 1);
      case types.array:
        written[count++] = ascii.openBracket;
        return putArray(address, depth + 1);
      case types.set:
        written[count++] = ascii.openBracket;
        return putElements(address, false, depth + 1);
      case types.null:
        return putBytes(nullText, 0, nullText.length);
      case types.boolean:
      case types.internedBoolean: {
        const text = memory.isTrue(address) ? trueText : falseText;
        return putBytes(text, 0, text.length);
      }
      case types.number:
        return putNumber(address);
      default:
        return false;
    }
  };
  const putFormatted = (format: number, operands: number): boolean => {
    const source = memory.bytes;
    const elements = memory.word(operands + 4);
    const length = memory.word(operands + 8);
    let used = 0;
    let from = memory.word(format + 8);
    const end = from + memory.word(format + 4);
    for (let at = from; at < end; at++) {
      if (source[at] === ascii.percent) {
        if (used === length || !putBytes(source, from, at)) {
          return false;
        }
        const operand = memory.word(elements + used * 8 + 4);
        const verb = ++at < end ? source[at] : 0;
        if (verb === ascii.s && memory.isString(operand)) {
          const start = memory.word(operand + 8);
          if (!putBytes(source, start, start + memory.word(operand + 4))) {
            return false;
          }
        } else if (verb !== ascii.d || memory.type(operand) !== types.number || !putNumber(operand)) {
          return false;
        }
        used++;
        from = at + 1;
      }
    }
    return used === length && putBytes(source, from, end);
  };

  return {
    json(address) {
      begin(mostJson);
      const text = putValue(address, 0) ? written.toString(isAscii ? 'latin1' : 'utf8', 0, count) : null;
      if (written.length > keptBytes) {
        written = Buffer.alloc(keptBytes);
      }
      return text;
    },
    print(format, operands, allocate) {
      begin(mostPrinted);
      if (!memory.isString(format) || memory.type(operands) !== types.array || !putFormatted(format, operands)) {
        return 0;
      }
      const address = memory.allocateString(count, allocate);
      const target = memory.bytes;
      const start = address + stringHeaderBytes;
      for (let index = 0, length = count; index < length; index++) {
        target[start + index] = written[index] ?? 0;
      }
      return address;
    },
  };
}
