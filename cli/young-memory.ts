import { kindOfPath } from '../src/facts/inspect.ts';

// What V8 keeps new objects in. It begins with a megabyte for each thread, and doubles while much of it survives.

// By then V8 has given it what is of use. A whole Debian root in an image has 9,000 entries.
const filesOfALongRun = { directory: 64, image: 20_000 };

/**
 * Tells of files as `onFile` does, in a run over targets with as much memory for new objects as is worth it.
 *
 * In a directory what comes of a file is garbage before the next one is read: a thousand files take a quarter less memory
 * in no more time when it grows no further; so does an image of gigabytes. Threads that inspect an image end before theirs has grown: they take a twentieth
 * less time when they begin with much of it.
 */
export function withYoungMemoryFor(
  targets: readonly { readonly name: string }[],
  onFile: (path: string) => void,
): (path: string) => void {
  const kinds = targets.map(({ name }) => kindOfPath(name));
  const hasImage = kinds.includes(null);
  if (hasImage) {
    setFlag('--min-semi-space-size=16');
  } else if (!kinds.includes('directory')) {
    return onFile;
  }
  const bound = filesOfALongRun[hasImage ? 'image' : 'directory'];
  let files = 0;
  return (path) => {
    files += 1;
    if (files === bound) {
      setFlag('--semi-space-growth-factor=1');
    }
    onFile(path);
  };
}

function setFlag(flag: string): void {
  // Loaded late: runs over single files would pay two milliseconds for it.
  process.getBuiltinModule('node:v8').setFlagsFromString(flag);
}
