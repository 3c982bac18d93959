// By then V8 has given a run of some length a few megabytes.
const filesOfALongRun = 64;

/**
 * Tells of files as `onFile` does, and has V8's memory for young objects grow no further in a run over many.
 *
 * It grows to tens of megabytes where much garbage is made, which speeds nothing up here: what comes of a file is garbage
 * before the next one is read. Directories of a thousand files take a quarter less memory without it.
 */
export function withYoungMemoryBound(onFile: (path: string) => void): (path: string) => void {
  let files = 0;
  return (path) => {
    files += 1;
    if (files === filesOfALongRun) {
      // Loaded late: short runs would pay two milliseconds for it.
      process.getBuiltinModule('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
    }
    onFile(path);
  };
}
