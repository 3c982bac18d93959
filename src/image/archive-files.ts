import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { compressionOf } from './layers/decompression.ts';
import { type OpenFile, openRegular, readStart, type StoredFiles, streamOf } from './stored-files.ts';

interface ArchivedFile {
  /** Of its first byte in the archive. */
  readonly offset: number;
  readonly size: number;
}

/**
 * The files of a tar archive. It is read once, to find out where each file lies.
 *
 * @throws ElfgateError `unreadable`, `malformed`; `unsupported-format` when the archive is compressed.
 */
export async function archiveFiles(path: string): Promise<StoredFiles> {
  const { files, links } = await indexOf(path);
  const find = (name: string): ArchivedFile | null => {
    const plain = posix.normalize(name);
    const link = links.get(plain);
    // Archives of docker before version 25 store equal layers once, and link to them.
    return files.get(plain) ?? (link === undefined ? null : (files.get(link) ?? null));
  };
  return {
    name: path,
    sizeOf: (name) => find(name)?.size ?? null,
    open(name) {
      const found = find(name);
      if (found === null) {
        throw new ElfgateError('not-found', `${path}: holds no ${name}`);
      }
      return { ...openArchive(path), ...found };
    },
  };
}

async function indexOf(path: string): Promise<{ files: Map<string, ArchivedFile>; links: Map<string, string> }> {
  const files = new Map<string, ArchivedFile>();
  const links = new Map<string, string>();
  refuseCompressed(path);
  const entries = extract();
  let count = 0;
  entries.on('entry', (header: Header & { readonly byteOffset?: number }, body, next) => {
    count += 1;
    if (count > limits.archiveEntries) {
      entries.destroy(
        new ElfgateError(
          'limit',
          `${path}: has more than ${limits.archiveEntries} entries, which no archive of images has`,
        ),
      );
      return;
    }
    const name = posix.normalize(header.name);
    if (header.type === 'file' || header.type === 'contiguous-file') {
      files.set(name, { offset: header.byteOffset ?? 0, size: header.size ?? 0 });
    } else if (header.type === 'symlink') {
      links.set(name, posix.normalize(posix.join(posix.dirname(name), header.linkname ?? '')));
    } else if (header.type === 'link') {
      links.set(name, posix.normalize(header.linkname ?? ''));
    }
    body.on('end', next);
    body.resume();
  });
  try {
    await pipeline(streamOf(openArchive(path)), entries);
  } catch (cause) {
    throw cause instanceof ElfgateError
      ? cause
      : new ElfgateError('malformed', `${path}: is no tar archive, or a damaged one`, { cause });
  }
  return { files, links };
}

function refuseCompressed(path: string): void {
  const compression = compressionOf(readStart(openArchive(path), 4));
  if (compression !== 'none') {
    throw new ElfgateError('unsupported-format', `${path}: the archive is compressed`, {
      hint: compression === 'gzip' ? `gunzip ${path}` : `unzstd ${path}`,
    });
  }
}

function openArchive(path: string): OpenFile {
  const file = openRegular(path);
  if (file === null) {
    throw new ElfgateError('unreadable', `${path}: there is no such file or directory`, { hint: 'check the path' });
  }
  return file;
}
