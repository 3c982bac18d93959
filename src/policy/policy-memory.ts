/**
 * Where a compiled policy keeps values, by the structures of `wasm/src/value.h` of OPA 1.22: those of the compiler that
 * `opa/go.mod` pins. Bundles are made by no other.
 */

/** The first byte of every value. Those that are interned lie in the module's own data. */
export const types = {
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
export const stringHeaderBytes = 12;

/** The memory of an instance, which is another one after it has grown. */
export class PolicyMemory {
  bytes: Buffer;
  view: DataView;
  #buffer: ArrayBuffer;
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    this.#buffer = memory.buffer;
    this.bytes = Buffer.from(this.#buffer);
    this.view = new DataView(this.#buffer);
  }

  /** To be called first wherever the policy may have run since. */
  refresh(): void {
    if (this.#memory.buffer !== this.#buffer) {
      this.#buffer = this.#memory.buffer;
      this.bytes = Buffer.from(this.#buffer);
      this.view = new DataView(this.#buffer);
    }
  }

  word(address: number): number {
    return this.view.getUint32(address, true);
  }

  type(address: number): number {
    return this.view.getUint8(address);
  }

  isString(address: number): boolean {
    const type = this.view.getUint8(address);
    return type === types.string || type === types.internedString;
  }

  isTrue(address: number): boolean {
    return this.view.getUint8(address + 1) !== 0;
  }

  isNumberInPlace(address: number): boolean {
    return this.view.getUint8(address + 1) === numberInPlace;
  }

  /** Makes room for a string value of so many bytes and gives its address; the text goes behind the header. */
  allocateString(length: number, allocate: (bytes: number) => number): number {
    const address = allocate(stringHeaderBytes + length);
    this.refresh();
    this.view.setUint32(address, types.string, true);
    this.view.setUint32(address + 4, length, true);
    this.view.setUint32(address + 8, address + stringHeaderBytes, true);
    return address;
  }
}
