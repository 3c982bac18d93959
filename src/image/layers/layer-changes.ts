import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { FileContent, FileContents } from './file-contents.ts';
import { isReadByName, type KeptFiles, startBytes } from './kept-files.ts';
import type { ContentSink, OnTarEntry, TarEntry } from './tar-reader.ts';

/** What one layer does to the file system below it, in the order of its archive. */
export interface LayerChanges {
  /** Paths whose lower content is hidden: one entry, or everything in a directory. */
  readonly whiteouts: readonly { readonly path: string; readonly hides: 'entry' | 'content' }[];
  readonly additions: readonly LayerAddition[];
}

export interface LayerAddition {
  /** Without dot elements and without a slash at its start. */
  readonly path: string;
  readonly kind: TarEntry['kind'];
  readonly mode: number;
  readonly size: number;
  readonly linkName: string;
  /** Of files that are kept. */
  readonly content: FileContent | null;
  /** The first bytes of a file that is not kept, which show what it is not. */
  readonly start: Buffer | null;
}

export interface LayerReading {
  readonly contents: FileContents;
  readonly kept: KeptFiles;
  /** Called for each entry of any layer. @throws ElfgateError `limit` when there are too many. */
  onEntry(path: string): void;
  /** Called when a binary has been read to its end. */
  onBinary(path: string, content: FileContent): void;
}

const nothing = Buffer.alloc(0);
const whiteoutPrefix = '.wh.';
const opaqueName = '.wh..wh..opq';
// AUFS kept its own books under such names, in the root.
const booksPrefix = '.wh..wh.';

/** Collects what a layer's archive holds: give {@link onTarEntry} to a tar reader. */
export function collectChanges(reading: LayerReading): {
  readonly changes: LayerChanges;
  readonly onTarEntry: OnTarEntry;
} {
  const whiteouts: { path: string; hides: 'entry' | 'content' }[] = [];
  const additions: LayerAddition[] = [];
  let holes = 0;
  let keptHoles = 0;

  const onTarEntry = (entry: TarEntry): ContentSink | null => {
    const path = insideLayer(entry.path);
    reading.onEntry(path);
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    if (name.startsWith(whiteoutPrefix)) {
      const directory = path.slice(0, Math.max(0, slash));
      if (name === opaqueName) {
        whiteouts.push({ path: directory, hides: 'content' });
      } else if (!name.startsWith(booksPrefix)) {
        whiteouts.push({ path: hidden(path, slash), hides: 'entry' });
      }
      return null;
    }
    if (path.startsWith(booksPrefix)) {
      return null;
    }
    const { kind, mode, size } = entry;
    const linkName = kind === 'hard-link' ? insideLayer(entry.linkName) : entry.linkName;
    if (linkName.length > limits.pathBytes) {
      throw new ElfgateError('limit', `the link ${path} names a path of more than ${limits.pathBytes} bytes`);
    }
    const addition = { path, kind, mode, size, linkName, content: null, start: nothing };
    if (kind !== 'file' || size === 0) {
      additions.push(kind === 'file' ? addition : { ...addition, start: null });
      return null;
    }
    if (size > limits.layerBytes) {
      throw new ElfgateError('limit', `${path} has ${size} bytes, more than a layer may have`);
    }
    holes += entry.holes;
    if (holes > limits.layerBytes) {
      throw new ElfgateError('limit', `its sparse files have more than ${limits.layerBytes} bytes`);
    }
    const index = additions.push(addition) - 1;
    return fileSink(size, isReadByName(path) && size <= limits.loaderCacheBytes, reading, {
      keeping() {
        keptHoles += entry.holes;
        if (keptHoles > limits.keptHoleBytes) {
          throw new ElfgateError('limit', `its binaries have holes of more than ${limits.keptHoleBytes} bytes`);
        }
      },
      kept(content, isBinary) {
        additions[index] = { ...addition, content, start: null };
        if (isBinary) {
          reading.onBinary(path, content);
        }
      },
      skipped(start) {
        additions[index] = { ...addition, start };
      },
    });
  };
  return { changes: { whiteouts, additions }, onTarEntry };
}

/** Waits for the first bytes, and keeps the file or forgets it. */
function fileSink(
  size: number,
  byName: boolean,
  { contents, kept }: LayerReading,
  then: { keeping(): void; kept(content: FileContent, isBinary: boolean): void; skipped(start: Buffer): void },
): ContentSink {
  const wanted = Math.min(size, startBytes);
  let start: Buffer | null = nothing;
  let taking: ReturnType<FileContents['take']> | null = null;
  let isBinary = false;
  const decide = (bytes: Buffer): void => {
    isBinary = kept.isBinary(bytes);
    if (isBinary || byName) {
      then.keeping();
      taking = contents.take(size);
      start = null;
    } else {
      // A copy, as the bytes belong to a large piece of the layer.
      start = Buffer.from(bytes.subarray(0, wanted));
    }
  };
  return {
    write(bytes) {
      if (taking !== null) {
        taking.write(bytes);
        return;
      }
      if (start === null || start.length >= wanted) {
        return;
      }
      const known = start.length === 0 ? bytes : Buffer.concat([start, bytes]);
      if (known.length < wanted) {
        start = Buffer.from(known);
        return;
      }
      decide(known);
      (taking as ContentSink | null)?.write(known);
    },
    end() {
      if (taking !== null) {
        taking.end();
        then.kept(taking.content, isBinary);
      } else {
        then.skipped(start ?? nothing);
      }
    },
  };
}

/** @throws ElfgateError `malformed` for a name that would hide its own directory or the one above. */
function hidden(path: string, slash: number): string {
  const name = path.slice(slash + 1 + whiteoutPrefix.length);
  if (name === '' || name === '.' || name === '..') {
    throw new ElfgateError('malformed', `the whiteout ${path} names no entry of its directory`);
  }
  return `${path.slice(0, slash + 1)}${name}`;
}

/** @throws ElfgateError `malformed` for a path that leads out of the root, `limit` for one longer than any can be. */
function insideLayer(stored: string): string {
  if (stored.length > limits.pathBytes) {
    throw new ElfgateError('limit', `${stored.slice(0, 64)}… is a path of more than ${limits.pathBytes} bytes`);
  }
  if (!needsCleaning.test(stored)) {
    return stored;
  }
  const elements: string[] = [];
  for (const element of stored.split('/')) {
    if (element === '..') {
      if (elements.pop() === undefined) {
        throw new ElfgateError('malformed', `the entry ${stored} leads out of the root`);
      }
    } else if (element !== '' && element !== '.') {
      elements.push(element);
    }
  }
  return elements.join('/');
}

const needsCleaning = /(?:^|\/)(?:\.{0,2}(?:\/|$))/;
