import { kindOfPath } from '../src/facts/inspect.ts';

/*
 * What V8 does beside the run: it makes room for new objects, a megabyte for each thread at first, and doubles it while
 * much of it survives; and it compiles functions again, in three steps, the more often they are called.
 */

// By then V8 has given it what is of use. A whole Debian root in an image has 9,000 entries.
const filesOfALongRun = { directory: 64, image: 20_000 };

/**
 * Reads targets with as much memory for new objects, and as much compiling, as is worth it.
 *
 * In a directory what comes of a file is garbage before the next one is read: a thousand files take a quarter less memory
 * in no more time when it grows no further; so does an image of gigabytes. Threads that inspect an image end before
 * theirs has grown: they take a twentieth less time when they begin with much of it. They also keep every processor busy
 * for a second or two, an eighth of which went into compiling again what hardly ran any more afterwards.
 *
 * @param onFile told of each file that is read.
 * @param read is given what to tell of files instead.
 */
export async function withEngineFor<Result>(
  targets: readonly { readonly name: string }[],
  onFile: (path: string) => void,
  read: (onFile: (path: string) => void) => Promise<Result>,
): Promise<Result> {
  const kinds = targets.map(({ name }) => kindOfPath(name));
  const hasImage = kinds.includes(null);
  if (!hasImage && !kinds.includes('directory')) {
    return read(onFile);
  }
  if (hasImage) {
    setFlags('--min-semi-space-size=16', '--no-turbofan', '--no-maglev-inlining');
  }
  const bound = filesOfALongRun[hasImage ? 'image' : 'directory'];
  let files = 0;
  try {
    return await read((path) => {
      files += 1;
      if (files === bound) {
        setFlags('--semi-space-growth-factor=1', ...allCompilers);
      }
      onFile(path);
    });
  } finally {
    if (hasImage) {
      // V8 would not take the code that is kept of this run where these are others than at the start of the next one.
      setFlags(...allCompilers);
    }
  }
}

const allCompilers = ['--turbofan', '--maglev-inlining'];

function setFlags(...flags: readonly string[]): void {
  // Loaded late: runs over single files would pay two milliseconds for it.
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  for (const flag of flags) {
    setFlagsFromString(flag);
  }
}
