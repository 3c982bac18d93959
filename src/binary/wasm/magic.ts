/** Whether the first bytes are those of a WebAssembly module (core specification, "Modules", binary format). */
export function startsLikeWasm(start: Uint8Array): boolean {
  return start.length >= 8 && start[0] === 0x00 && start[1] === 0x61 && start[2] === 0x73 && start[3] === 0x6d;
}
