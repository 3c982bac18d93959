import { limits } from '../limits.ts';

/**
 * Values as a compiled policy keeps them in its memory, made outside of it and to be put at any address: parsing the
 * JSON of an input took a third of the time of an evaluation, and blocked the thread that evaluates.
 *
 * The structures are those of `wasm/src/value.h` of OPA 1.22, as in `value-memory.ts`, and the tables of objects are those
 * that `opa_json_parse` would have made: policies step through both in the same order. Nothing in the runtime changes or
 * frees the values of an input, which is why equal keys, list indices and constants can be one value.
 *
 * An image is, in numbers of four bytes: the offset of its root, and the bytes of its values; then the values, with the
 * addresses that they have when the image lies at {@link usualAddress}; then for each address the distance in words from the
 * one before, as a byte. 255 leads on without an address.
 */
export type ValueImage = Uint8Array<ArrayBuffer>;

/** What has no exact form in JSON, or is deeper or larger than the limits of an input allow. */
export class UnsuitableValue extends Error {}

/** Where images lie, if they can: beyond what a compiled policy keeps for itself, half a megabyte, and most base data. */
export const usualAddress = 1_048_576;

const headerBytes = 8;
const longestDistance = 255;

/**
 * @param value plain JSON data; bigint stands for an integer of any size. An undefined field is an absent one.
 * @throws UnsuitableValue
 */
export function valueImage(value: unknown): ValueImage {
  begin();
  try {
    const root = write(value, 0);
    return finish(root);
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
  const imageView = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const end = headerBytes + imageView.getUint32(4, true);
  new Uint8Array(memory.buffer, address).set(image.subarray(headerBytes, end));
  if (address !== usualAddress) {
    move(image, end, new DataView(memory.buffer, address), address - usualAddress);
  }
  return imageView.getUint32(0, true) + address;
}

/** Adds to all addresses of an image that was placed; from `end` on it says where they are. */
function move(image: ValueImage, end: number, placed: DataView, bytes: number): void {
  let at = 0;
  for (let index = end; index < image.length; index++) {
    const distance = image[index] ?? 0;
    at += distance * 4;
    if (distance !== longestDistance) {
      placed.setUint32(at, placed.getUint32(at, true) + bytes, true);
    }
  }
}

/** Bytes of memory that an image takes. */
export function imageBytes(image: ValueImage): number {
  return new DataView(image.buffer, image.byteOffset, image.byteLength).getUint32(4, true);
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

/** Bytes of the structures. */
const stringBytes = 12;
const numberBytes = 24;
const tableBytes = 16;
const elementBytes = 12;
const itemBytes = 8;

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
  /** Of each bucket, the number of its first element, from 1; 0 where it has none. */
  readonly first: readonly number[];
  /** Of each element, the number of the next one in its bucket; 0 for the last. */
  readonly next: readonly number[];
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
let distances: Uint8Array<ArrayBuffer>;
/** Offset of the first free byte. 0 is no value. */
let top = 8;
let distancesUsed = 0;
/** Offset of the address that was noted last. */
let noted = 0;
let imageNumber = 0;
const keys = new Map<string, Key>();
/** Offsets of what is shared in this image, 0 where it is not yet in it. */
let nullAddress = 0;
let trueAddress = 0;
let falseAddress = 0;
let indices: number[] = [];
/** Offsets of the values of arrays and objects that are not complete, innermost last. */
const pending: number[] = [];
let pendingCount = 0;
let shapeCount = 0;
let noKeys = newShape();

function allocateScratch(size: number): void {
  bytes = new Uint8Array(size);
  view = new DataView(bytes.buffer);
  distances = new Uint8Array(Math.ceil(size / 4));
}
allocateScratch(scratchBytes);

function begin(): void {
  bytes.fill(0, 0, top);
  top = 8;
  distancesUsed = 0;
  noted = 0;
  imageNumber++;
  // Not earlier: equal values have equal images.
  if (keys.size > keysKept) {
    keys.clear();
  }
  if (keys.size === 0 || shapeCount >= shapesKept) {
    noKeys = newShape();
    shapeCount = 0;
  }
  pendingCount = 0;
  nullAddress = 0;
  trueAddress = 0;
  falseAddress = 0;
  indices = [];
}

function finish(root: number): ValueImage {
  const length = Math.ceil(top / 8) * 8;
  const image = new Uint8Array(headerBytes + length + distancesUsed);
  const header = new DataView(image.buffer);
  header.setUint32(0, root, true);
  header.setUint32(4, length, true);
  image.set(bytes.subarray(0, length), headerBytes);
  image.set(distances.subarray(0, distancesUsed), headerBytes + length);
  return image;
}

/** Offset of so many bytes that are zero, a multiple of eight. */
function allocate(size: number): number {
  const address = (top + 7) & ~7;
  const end = address + size;
  // Distances take at most a byte for each word.
  if (end + 8 > bytes.length) {
    if (end > limits.evaluationInputBytes) {
      throw new UnsuitableValue();
    }
    const [before, distancesBefore] = [bytes, distances];
    allocateScratch(Math.min(Math.max(bytes.length * 2, end * 2), limits.evaluationInputBytes + 8));
    bytes.set(before);
    distances.set(distancesBefore);
  }
  top = end;
  return address;
}

/** Writes the offset of a value, and notes that it is one. Offsets are noted in ascending order. */
function writeAddress(at: number, address: number): void {
  view.setUint32(at, address + usualAddress, true);
  note(at);
}

function note(at: number): void {
  let distance = (at - noted) >> 2;
  for (; distance >= longestDistance; distance -= longestDistance) {
    distances[distancesUsed++] = longestDistance;
  }
  distances[distancesUsed++] = distance;
  noted = at;
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
  // The engine keeps what is constant in a register.
  const target = bytes;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) {
      if (!text.isWellFormed()) {
        throw new UnsuitableValue();
      }
      // What is there already is written over.
      top = address;
      return writeUtf8(encoder.encode(text));
    }
    target[at + index] = unit;
  }
  view.setUint32(address, stringType, true);
  view.setUint32(address + 4, length, true);
  writeAddress(address + 8, at);
  return address;
}

function writeUtf8(utf8: Uint8Array): number {
  const address = allocate(stringBytes + utf8.length);
  view.setUint32(address, stringType, true);
  view.setUint32(address + 4, utf8.length, true);
  writeAddress(address + 8, address + stringBytes);
  bytes.set(utf8, address + stringBytes);
  return address;
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
  const from = pendingCount;
  for (let index = 0; index < length; index++) {
    pending[pendingCount++] = write(list[index], level);
  }
  for (let index = indices.length; index < length; index++) {
    indices.push(writeNumber(index));
  }
  const elements = allocate(length * itemBytes);
  for (let index = 0; index < length; index++) {
    writeAddress(elements + index * itemBytes, indices[index] ?? 0);
    writeAddress(elements + index * itemBytes + 4, pending[from + index] ?? 0);
  }
  pendingCount = from;
  return writeTable(arrayType, length === 0 ? 0 : elements, length, length);
}

function writeObject(value: object, level: number): number {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new UnsuitableValue();
  }
  const contents: readonly unknown[] = Object.values(value);
  const from = pendingCount;
  for (const item of contents) {
    // An absent field and an undefined one are the same to JSON.
    if (item !== undefined) {
      pending[pendingCount++] = write(item, level);
    }
  }
  const { keys, first, next } = tableOf(Object.keys(value), contents);
  const { length } = keys;
  for (let index = 0; index < length; index++) {
    const key = keys[index] as Key;
    if (key.image !== imageNumber) {
      key.address = writeUtf8(key.utf8);
      key.image = imageNumber;
    }
  }
  const elements = allocate(length * elementBytes);
  const buckets = allocate(first.length * 4);
  const before = elements - elementBytes;
  for (let index = 0; index < length; index++) {
    const element = elements + index * elementBytes;
    writeAddress(element, (keys[index] as Key).address);
    writeAddress(element + 4, pending[from + index] ?? 0);
    const following = next[index] ?? 0;
    if (following !== 0) {
      writeAddress(element + 8, before + following * elementBytes);
    }
  }
  for (let bucket = 0; bucket < first.length; bucket++) {
    const beginning = first[bucket] ?? 0;
    if (beginning !== 0) {
      writeAddress(buckets + bucket * 4, before + beginning * elementBytes);
    }
  }
  pendingCount = from;
  return writeTable(objectType, buckets, first.length, length);
}

/** What arrays and objects begin with. */
function writeTable(type: number, address: number, second: number, third: number): number {
  const table = allocate(tableBytes);
  view.setUint32(table, type, true);
  if (address !== 0) {
    writeAddress(table + 4, address);
  }
  view.setUint32(table + 8, second, true);
  view.setUint32(table + 12, third, true);
  return table;
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
  return { keys, first, next };
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
