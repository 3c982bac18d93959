const magic = Buffer.from([0x00, 0x61, 0x73, 0x6d]);

/** Whether the first bytes are those of a WebAssembly module (core specification, "Modules", binary format). */
export function startsLikeWasm(start: Uint8Array): boolean {
  return start.length >= 8 && magic.equals(start.subarray(0, 4));
}
