/**
 * A world for a WASI program in which there is nothing but a clock and chance: no file, no argument, no environment.
 * Every other call fails, and what is written is lost.
 *
 * Own code and not `node:wasi`, which warns on standard error of its age, and offers more.
 *
 * https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */
export function emptyWorld(memory: () => WebAssembly.Memory, nanoseconds: () => bigint): WebAssembly.Imports {
  const view = (): DataView => new DataView(memory().buffer);
  /** Gives the count of a list and the bytes that it takes: none. */
  const nothing = (count = 0, bytes = 0): number => {
    view().setUint32(count, 0, true);
    view().setUint32(bytes, 0, true);
    return success;
  };
  const known: Readonly<Record<string, (...operands: number[]) => number>> = {
    args_get: () => success,
    args_sizes_get: nothing,
    environ_get: () => success,
    environ_sizes_get: nothing,
    sched_yield: () => success,
    clock_time_get(clock = 0, _precision = 0, result = 0) {
      const time = clock === realtime ? nanoseconds() : BigInt(Math.trunc(performance.now() * 1e6));
      view().setBigUint64(result, time, true);
      return success;
    },
    random_get(address = 0, length = 0) {
      const bytes = new Uint8Array(memory().buffer, address, length);
      for (let at = 0; at < length; at += randomBytesAtOnce) {
        crypto.getRandomValues(bytes.subarray(at, at + randomBytesAtOnce));
      }
      return success;
    },
    proc_exit(status) {
      throw new Error(`it ended with status ${status}`);
    },
  };
  return {
    wasi_snapshot_preview1: new Proxy(known, { get: (calls, name) => calls[String(name)] ?? (() => badDescriptor) }),
  };
}

/** `errno` of WASI. */
const success = 0;
const badDescriptor = 8;

/** `clockid` of WASI: nanoseconds since 1970. */
const realtime = 0;

/** What `crypto.getRandomValues` gives at most. */
const randomBytesAtOnce = 65_536;
