import { limits } from '../limits.ts';

/**
 * Values as a compiled policy keeps them in its memory, made outside of it and to be put at any address: parsing the
 * JSON of an input took a third of the time of an evaluation, and blocked the thread that evaluates.
 *
 * The structures are those of `wasm/src/value.h` of OPA 1.22, as in `value-memory.ts`, and the tables of objects are those
 * that `opa_json_parse` would have made: policies step through both in the same order. Nothing in the runtime changes or
 * frees the values of an input, which is why equal keys, list indices and constants can be one value.
 *
 * An image is the offset of its root, in eight bytes, and the values, with the addresses that they have when the image lies
 * at {@link usualAddress}. Its memory is shared: an image goes to another thread without being copied.
 */
export type ValueImage = Uint8Array<SharedArrayBuffer>;

/** What has no exact form in JSON, or is deeper or larger than the limits of an input allow. */
export class UnsuitableValue extends Error {}

/** Where images lie, if they can: beyond what a compiled policy keeps for itself, half a megabyte, and most base data. */
export const usualAddress = 1_048_576;

const headerBytes = 8;

/**
 * @param value plain JSON data; bigint stands for an integer of any size. An undefined field is an absent one.
 * @param memory gives at least as many bytes as it is asked for.
 * @throws UnsuitableValue
 */
export function valueImage(value: unknown, memory = newMemory): ValueImage {
  begin();
  try {
    const root = write(value, 0);
    return finish(root, memory);
  } finally {
    if (bytes.length > scratchBytesKept) {
      allocateScratch(scratchBytes);
    }
  }
}

/**
 * Puts an image at an address, a multiple of eight, where there is room for {@link imageBytes}.
 *
 * @returns the address of its root.
 */
export function placeImage(image: ValueImage, memory: WebAssembly.Memory, address: number): number {
  new Uint8Array(memory.buffer, address).set(image.subarray(headerBytes));
  const root = rootOf(image);
  if (address !== usualAddress) {
    const bytes = imageBytes(image);
    moveValue(root, {
      placed: new DataView(memory.buffer, address, bytes),
      bytes: address - usualAddress,
      moved: new Uint8Array(bytes / alignment),
    });
  }
  return root + address;
}

/** Bytes of memory that an image takes. */
export function imageBytes(image: ValueImage): number {
  return image.length - headerBytes;
}

function rootOf({ buffer, byteOffset }: ValueImage): number {
  return new DataView(buffer, byteOffset).getUint32(0, true);
}

/** An image that lies at another address than {@link usualAddress}. */
interface Move {
  readonly placed: DataView;
  /** What has to be added to its addresses. */
  readonly bytes: number;
  /** Of each value, by its offset, whether that is done: a value may be part of several. */
  readonly moved: Uint8Array;
}

/** Adds to all addresses of a value, and of those that it consists of. */
function moveValue(offset: number, move: Move): void {
  const { placed, moved } = move;
  if (moved[offset / alignment] === 1) {
    return;
  }
  moved[offset / alignment] = 1;
  const head = placed.getUint32(offset, true);
  switch (head) {
    case stringType:
    case numberType | asDigits:
      moveAddress(offset + 8, move);
      break;
    case arrayType: {
      const length = placed.getUint32(offset + 8, true);
      const elements = length === 0 ? 0 : moveAddress(offset + 4, move);
      for (let index = 0; index < length; index++) {
        moveValue(moveAddress(elements + index * itemBytes, move), move);
        moveValue(moveAddress(elements + index * itemBytes + 4, move), move);
      }
      break;
    }
    case objectType: {
      const buckets = moveAddress(offset + 4, move);
      const bucketCount = placed.getUint32(offset + 8, true);
      for (let bucket = 0; bucket < bucketCount; bucket++) {
        for (let link = buckets + bucket * 4; placed.getUint32(link, true) !== 0; ) {
          const element = moveAddress(link, move);
          moveValue(moveAddress(element, move), move);
          moveValue(moveAddress(element + 4, move), move);
          link = element + 8;
        }
      }
      break;
    }
  }
}

/** @returns the offset that the address at an offset stands for. */
function moveAddress(at: number, { placed, bytes }: Move): number {
  const address = placed.getUint32(at, true);
  placed.setUint32(at, address + bytes, true);
  return address - usualAddress;
}

/** The first byte of a value. */
const nullType = 1;
const booleanType = 2;
const numberType = 3;
const stringType = 4;
const arrayType = 5;
const objectType = 6;
/** The second byte of a number, in its place: 64 bits in the structure, or the address and length of its digits. */
const inPlace = 1 << 8;
const asDigits = 2 << 8;

/** Bytes: every value begins at a multiple of it. */
const alignment = 8;
/** Bytes of the structures. */
const stringBytes = 12;
const numberBytes = 24;
const tableBytes = 16;
const elementBytes = 12;
const itemBytes = 8;

/** Bytes of the longest character in UTF-8. */
const longestCharacter = 4;
/** Bytes behind what is written: the next may begin at a multiple of eight, and a text may turn out not to be ASCII. */
const spareBytes = 8;
/** From where on a call of the engine is faster. */
const charactersWrittenOneByOne = 48;
const bytesCopiedOneByOne = 64;

/** `OPA_OBJECT_MIN_BUCKETS` and `OPA_OBJECT_LOAD_FACTOR` of `value.c`. */
const fewestBuckets = 8;
const loadFactor = 0.7;

const encoder = new TextEncoder();

/** Bytes at first, and at most when an image is done. The facts of a large image take about 3 MB. */
const scratchBytes = 262_144;
const scratchBytesKept = 16_777_216;
/** Keys of objects that are remembered for the next image, and the characters of the longest: those of facts are some hundred words. */
const keysKept = 4_096;
const keyCharactersKept = 64;
/** Keys of an object beyond which they are sorted first. Names that were chosen to share a bucket take the square of it. */
const keysLinkedUnsorted = 16;
/** Lists of keys, and their beginnings, that are remembered, and the keys of the longest: objects of facts are of fifty kinds. */
const shapesKept = 4_096;
const shapeKeys = 64;

interface Key {
  readonly utf8: Uint8Array;
  /** FNV-1, as `opa_string_hash` computes it. */
  readonly hash: number;
  /** The image in which it was written last, and where. */
  image: number;
  address: number;
}

/** How the objects with certain keys are laid out, the keys in their order. */
interface Table {
  readonly keys: readonly Key[];
  /** Bytes of the elements and, behind them, of the buckets. */
  readonly bytes: number;
  readonly bucketCount: number;
  /** The lists of the buckets: where each address of an element stands, and that element, both as offsets behind the table. */
  readonly links: readonly number[];
}

/** The beginning of a list of keys, which objects of one kind share. */
interface Shape {
  table: Table | null;
  /** The key that followed last time, and what follows it. */
  name: string | null;
  longer: Shape | null;
  readonly others: Map<string, Shape>;
}

// One image is written at a time, into memory that the next one uses again.
let bytes: Uint8Array<ArrayBuffer>;
let view: DataView;
let buffer: Buffer<ArrayBuffer>;
/** Offset of the first free byte. 0 is no value. */
let top = 8;
let imageNumber = 0;
const keys = new Map<string, Key>();
/** Offsets of what is shared in this image, 0 where it is not yet in it. */
let nullAddress = 0;
let trueAddress = 0;
let falseAddress = 0;
let indices: number[] = [];
let shapeCount = 0;
let noKeys = newShape();

function allocateScratch(size: number): void {
  bytes = new Uint8Array(size);
  view = new DataView(bytes.buffer);
  buffer = Buffer.from(bytes.buffer);
}
allocateScratch(scratchBytes);

function begin(): void {
  // A text that is not ASCII may have been begun and refused.
  bytes.fill(0, 0, top + longestCharacter);
  top = 8;
  imageNumber++;
  // Not earlier: equal values have equal images.
  if (keys.size > keysKept) {
    keys.clear();
  }
  if (keys.size === 0 || shapeCount >= shapesKept) {
    noKeys = newShape();
    shapeCount = 0;
  }
  nullAddress = 0;
  trueAddress = 0;
  falseAddress = 0;
  indices = [];
}

function finish(root: number, memory: (bytes: number) => SharedArrayBuffer): ValueImage {
  const length = Math.ceil(top / alignment) * alignment;
  const image = new Uint8Array(memory(headerBytes + length), 0, headerBytes + length);
  image.set(bytes.subarray(0, length), headerBytes);
  new DataView(image.buffer).setUint32(0, root, true);
  return image;
}

function newMemory(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}

/** Offset of so many bytes that are zero, a multiple of eight. */
function allocate(size: number): number {
  const address = (top + alignment - 1) & -alignment;
  const end = address + size;
  if (end + spareBytes > bytes.length) {
    if (end > limits.evaluationInputBytes) {
      throw new UnsuitableValue();
    }
    const before = bytes;
    allocateScratch(Math.min(Math.max(bytes.length * 2, end * 2), limits.evaluationInputBytes + spareBytes));
    bytes.set(before);
  }
  top = end;
  return address;
}

/** Writes the offset of a value. */
function writeAddress(at: number, address: number): void {
  view.setUint32(at, address + usualAddress, true);
}

function write(value: unknown, level: number): number {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      return writeNumber(value);
    case 'boolean':
      return value ? writeTrue() : writeFalse();
    case 'bigint':
      return writeDigits(value.toString());
    case 'object':
      break;
    default:
      throw new UnsuitableValue();
  }
  if (value === null) {
    if (nullAddress === 0) {
      nullAddress = allocate(4);
      view.setUint32(nullAddress, nullType, true);
    }
    return nullAddress;
  }
  if (level >= limits.evaluationInputDepth) {
    throw new UnsuitableValue();
  }
  return Array.isArray(value) ? writeArray(value, level + 1) : writeObject(value, level + 1);
}

function writeTrue(): number {
  if (trueAddress === 0) {
    trueAddress = allocate(4);
    view.setUint32(trueAddress, booleanType | (1 << 8), true);
  }
  return trueAddress;
}

function writeFalse(): number {
  if (falseAddress === 0) {
    falseAddress = allocate(4);
    view.setUint32(falseAddress, booleanType, true);
  }
  return falseAddress;
}

function writeString(text: string): number {
  const { length } = text;
  if (length > limits.evaluationInputBytes) {
    throw new UnsuitableValue();
  }
  const address = allocate(stringBytes + length);
  const at = address + stringBytes;
  if (length < charactersWrittenOneByOne) {
    // The engine keeps what is constant in a register.
    const target = bytes;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) {
        return writeOtherText(text, address);
      }
      target[at + index] = unit;
    }
  } else if (buffer.write(text, at, length + longestCharacter) !== length) {
    return writeOtherText(text, address);
  }
  writeStringHead(address, length);
  return address;
}

/** A text that is not ASCII, in place of what is at an address, which begins as it does. */
function writeOtherText(text: string, address: number): number {
  if (!text.isWellFormed()) {
    throw new UnsuitableValue();
  }
  top = address;
  return writeUtf8(encoder.encode(text));
}

function writeUtf8(utf8: Uint8Array): number {
  const { length } = utf8;
  const address = allocate(stringBytes + length);
  const at = address + stringBytes;
  if (length < bytesCopiedOneByOne) {
    const target = bytes;
    for (let index = 0; index < length; index++) {
      target[at + index] = utf8[index] ?? 0;
    }
  } else {
    bytes.set(utf8, at);
  }
  writeStringHead(address, length);
  return address;
}

function writeStringHead(address: number, length: number): void {
  view.setUint32(address, stringType, true);
  view.setUint32(address + 4, length, true);
  writeAddress(address + 8, address + stringBytes);
}

function writeNumber(value: number): number {
  if (Number.isSafeInteger(value)) {
    const address = allocate(16);
    view.setUint32(address, numberType | inPlace, true);
    view.setInt32(address + 8, value | 0, true);
    view.setInt32(address + 12, Math.floor(value / 0x1_0000_0000), true);
    return address;
  }
  if (!Number.isFinite(value) || Number.isInteger(value)) {
    throw new UnsuitableValue();
  }
  return writeDigits(JSON.stringify(value));
}

function writeDigits(digits: string): number {
  const address = allocate(numberBytes + digits.length);
  view.setUint32(address, numberType | asDigits, true);
  writeAddress(address + 8, address + numberBytes);
  view.setUint32(address + 12, digits.length, true);
  for (let index = 0; index < digits.length; index++) {
    bytes[address + numberBytes + index] = digits.charCodeAt(index);
  }
  return address;
}

function writeArray(list: readonly unknown[], level: number): number {
  const { length } = list;
  for (let index = indices.length; index < length; index++) {
    indices.push(writeNumber(index));
  }
  const table = allocate(tableBytes + length * itemBytes);
  const elements = table + tableBytes;
  writeTable(table, arrayType, length === 0 ? 0 : elements, length, length);
  for (let index = 0; index < length; index++) {
    const value = write(list[index], level);
    writeAddress(elements + index * itemBytes, indices[index] ?? 0);
    writeAddress(elements + index * itemBytes + 4, value);
  }
  return table;
}

function writeObject(value: object, level: number): number {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new UnsuitableValue();
  }
  const contents: readonly unknown[] = Object.values(value);
  const layout = tableOf(Object.keys(value), contents);
  const { keys, links } = layout;
  const table = allocate(tableBytes + layout.bytes);
  const elements = table + tableBytes;
  writeTable(table, objectType, elements + keys.length * elementBytes, layout.bucketCount, keys.length);
  for (let index = 0; index < links.length; index += 2) {
    writeAddress(elements + (links[index] ?? 0), elements + (links[index + 1] ?? 0));
  }
  let element = elements;
  let used = 0;
  for (const item of contents) {
    // An absent field and an undefined one are the same to JSON.
    if (item !== undefined) {
      const key = keys[used++] as Key;
      if (key.image !== imageNumber) {
        key.address = writeUtf8(key.utf8);
        key.image = imageNumber;
      }
      const address = write(item, level);
      writeAddress(element, key.address);
      writeAddress(element + 4, address);
      element += elementBytes;
    }
  }
  return table;
}

/** What arrays and objects begin with. */
function writeTable(table: number, type: number, address: number, second: number, third: number): void {
  view.setUint32(table, type, true);
  if (address !== 0) {
    writeAddress(table + 4, address);
  }
  view.setUint32(table + 8, second, true);
  view.setUint32(table + 12, third, true);
}

/** The table of an object with certain contents under certain names. Undefined ones are left out. */
function tableOf(names: readonly string[], contents: readonly unknown[]): Table {
  let shape: Shape | null = names.length > shapeKeys ? null : noKeys;
  for (let index = 0; shape !== null && index < names.length; index++) {
    if (contents[index] !== undefined) {
      shape = longerShape(shape, names[index] ?? '');
    }
  }
  if (shape?.table) {
    return shape.table;
  }
  const table = linkedTable(names.filter((_, index) => contents[index] !== undefined).map(keyOf));
  if (shape !== null) {
    shape.table = table;
  }
  return table;
}

function newShape(): Shape {
  return { table: null, name: null, longer: null, others: new Map() };
}

/** The shape with one more key; null where no more are remembered. */
function longerShape(shape: Shape, name: string): Shape | null {
  if (shape.name === name) {
    return shape.longer;
  }
  let longer = shape.others.get(name) ?? null;
  if (longer === null) {
    if (shapeCount >= shapesKept || name.length > keyCharactersKept) {
      return null;
    }
    longer = newShape();
    shape.others.set(name, longer);
    shapeCount++;
  }
  shape.name = name;
  shape.longer = longer;
  return longer;
}

/** As `opa_object_insert` does it: each bucket is a list in the order of the keys. */
function linkedTable(keys: readonly Key[]): Table {
  const { length } = keys;
  let bucketCount = fewestBuckets;
  while (length > bucketCount * loadFactor) {
    bucketCount *= 2;
  }
  const first = new Array<number>(bucketCount).fill(0);
  const next = new Array<number>(length).fill(0);
  const order = [...keys.keys()];
  if (length > keysLinkedUnsorted) {
    // From the last to the first: each begins its bucket.
    order.sort((a, b) => Buffer.compare((keys[b] as Key).utf8, (keys[a] as Key).utf8));
  }
  for (const index of order) {
    const key = keys[index] as Key;
    const bucket = key.hash & (bucketCount - 1);
    let before = 0;
    let after = first[bucket] ?? 0;
    while (after !== 0 && precedes(keys[after - 1] as Key, key)) {
      before = after;
      after = next[after - 1] ?? 0;
    }
    next[index] = after;
    if (before === 0) {
      first[bucket] = index + 1;
    } else {
      next[before - 1] = index + 1;
    }
  }
  const buckets = length * elementBytes;
  const links: number[] = [];
  for (const [index, element] of [...next, ...first].entries()) {
    if (element !== 0) {
      const at = index < length ? index * elementBytes + 8 : buckets + (index - length) * 4;
      links.push(at, (element - 1) * elementBytes);
    }
  }
  return { keys, bytes: buckets + bucketCount * 4, bucketCount, links };
}

function keyOf(text: string): Key {
  let key = keys.get(text);
  if (key === undefined) {
    if (!text.isWellFormed()) {
      throw new UnsuitableValue();
    }
    const utf8 = encoder.encode(text);
    key = { utf8, hash: hashOf(utf8), image: 0, address: 0 };
    if (text.length <= keyCharactersKept) {
      keys.set(text, key);
    }
  }
  return key;
}

function hashOf(utf8: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of utf8) {
    hash = Math.imul(hash, 0x01000193) ^ byte;
  }
  return hash >>> 0;
}

function precedes(left: Key, right: Key): boolean {
  return Buffer.compare(left.utf8, right.utf8) < 0;
}
