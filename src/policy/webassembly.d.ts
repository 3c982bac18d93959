/**
 * The part of the WebAssembly JavaScript interface that is used here. TypeScript has it only in the library of the
 * browser, which would bring `window` along, and Node's types leave it out.
 */
declare namespace WebAssembly {
  type ImportValue = Memory | Global | ((...operands: readonly number[]) => unknown);
  type Imports = Record<string, Record<string, ImportValue>>;

  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }

  class Instance {
    constructor(module: Module, imports: Imports);
    readonly exports: Readonly<Record<string, unknown>>;
  }

  /** Sizes in pages of 64 KiB. */
  class Memory {
    constructor(size: { readonly initial: number; readonly maximum: number });
    readonly buffer: ArrayBuffer;
    /** @throws RangeError beyond the maximum. */
    grow(pages: number): number;
  }

  interface Global {
    readonly value: number;
  }

  /** Rejects with a CompileError for bytes that are no module. */
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
}
