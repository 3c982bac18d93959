import { readdirSync, realpathSync, statSync } from 'node:fs';
import { ElfFile } from '../../binary/elf/elf-file.ts';
import type { ElfHeader } from '../../binary/elf/header.ts';
import { startsLikeElf } from '../../binary/elf/header.ts';
import { ET } from '../../binary/elf/names.ts';
import { type GoFile, readGoFile } from '../../binary/go/go-file.ts';
import { type ByteSource, bufferSource, openFile } from '../../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { LoaderDialect } from './loader-dialect.ts';
import type { OpenReason } from './prediction.ts';

/** A file that dlopen is asked for, as far as its header decides about it. */
export type PluginFile =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'refused';
      readonly realPath: string;
      readonly reason: OpenReason;
      readonly message: string | null;
    }
  | { readonly kind: 'malformed'; readonly realPath: string; readonly error: FormatError }
  | {
      readonly kind: 'object';
      readonly realPath: string;
      /** Device and inode, by which the loader knows a file again. */
      readonly identity: string;
      readonly elf: ElfFile;
      readonly go: GoFile | null;
    };

/** Reads what `path` names, and judges it as the loader of a host with the given header does before it maps it. */
export function openPluginFile(
  path: string,
  options: {
    readonly host: ElfHeader;
    readonly dialect: LoaderDialect;
    readonly close: (source: { close(): void }) => void;
  },
): PluginFile {
  let realPath: string;
  let identity: string;
  try {
    realPath = realpathSync(path);
    const status = statSync(realPath);
    identity = `${status.dev}:${status.ino}`;
    if (status.isDirectory()) {
      readdirSync(realPath);
      return {
        kind: 'refused',
        realPath,
        reason: 'file-unreadable',
        message: unreadText(options, realPath, 'Is a directory'),
      };
    }
  } catch {
    // realpath(3) fails for whatever cannot be reached, and Go gives no reason either.
    return { kind: 'absent' };
  }
  let source: ByteSource;
  try {
    const file = openFile(realPath);
    options.close(file);
    source = file.size <= limits.wholeFileBytes ? bufferSource(file.read(0, file.size)) : file;
  } catch (error) {
    if (error instanceof ElfgateError) {
      return { kind: 'refused', realPath, reason: 'file-unreadable', message: null };
    }
    throw error;
  }
  try {
    const refusal = refusedByHeader(source, realPath, options);
    if (refusal !== null) {
      return { kind: 'refused', realPath, ...refusal };
    }
    const elf = new ElfFile(source);
    return (
      refusedByDynamic(elf, realPath, options.dialect) ?? {
        kind: 'object',
        realPath,
        identity,
        elf,
        go: readGoFile(elf),
      }
    );
  } catch (error) {
    if (error instanceof FormatError) {
      return { kind: 'malformed', realPath, error };
    }
    throw error;
  }
}

interface Refusal {
  readonly reason: OpenReason;
  readonly message: string | null;
}

function unreadText({ dialect }: { readonly dialect: LoaderDialect }, path: string, cause: string): string {
  return dialect.kind === 'glibc'
    ? `${path}: cannot read file data: ${cause}`
    : `Error loading shared library ${path}: ${cause}`;
}

/**
 * glibc's open_verify (`elf/dl-load.c`): length, then identification, then machine, then type. A file of another machine
 * is passed over as if it were not there, because in a search path the right one may follow.
 */
export function refusedByHeader(
  source: ByteSource,
  path: string,
  { host, dialect }: { readonly host: ElfHeader; readonly dialect: LoaderDialect },
): Refusal | null {
  const { is64, littleEndian } = host.encoding;
  const start = source.read(0, Math.min(source.size, 64));
  if (dialect.kind === 'musl') {
    return refusedByMusl(start, path, host);
  }
  const refused = (reason: OpenReason, sentence: string): Refusal => ({ reason, message: `${path}: ${sentence}` });
  if (start.length < (is64 ? 64 : 52)) {
    return refused('not-elf', 'file too short');
  }
  if (!startsLikeElf(start)) {
    return refused('not-elf', 'invalid ELF header');
  }
  if (start[4] !== (is64 ? 2 : 1)) {
    return refused('wrong-machine', `wrong ELF class: ELFCLASS${is64 ? 32 : 64}`);
  }
  if (start[5] !== (littleEndian ? 1 : 2)) {
    return refused('wrong-machine', `ELF file data encoding not ${littleEndian ? 'little' : 'big'}-endian`);
  }
  const word = (at: number): number => (littleEndian ? start.readUInt16LE(at) : start.readUInt16BE(at));
  if (word(18) !== host.machine) {
    return refused('wrong-machine', 'cannot open shared object file: No such file or directory');
  }
  const type = word(16);
  if (type !== ET.dyn && type !== ET.exec) {
    return refused('not-a-shared-object', 'only ET_DYN and ET_EXEC can be loaded');
  }
  return type === ET.exec ? refused('not-a-shared-object', 'cannot dynamically load executable') : null;
}

// musl's map_library looks at the type alone; what becomes of a file of another machine depends on its relocations.
function refusedByMusl(start: Buffer, path: string, host: ElfHeader): Refusal | null {
  const { is64, littleEndian } = host.encoding;
  if (start.length < (is64 ? 64 : 52) || !startsLikeElf(start)) {
    return { reason: 'not-elf', message: `Error loading shared library ${path}: Exec format error` };
  }
  const word = (at: number): number => (littleEndian ? start.readUInt16LE(at) : start.readUInt16BE(at));
  if (start[4] !== (is64 ? 2 : 1) || start[5] !== (littleEndian ? 1 : 2) || word(18) !== host.machine) {
    return { reason: 'wrong-machine', message: null };
  }
  return word(16) === ET.dyn ? null : { reason: 'not-a-shared-object', message: null };
}

// DF_1_NOOPEN and DF_1_PIE (glibc, `elf/dl-load.c`, _dl_map_object_from_fd). musl opens both.
const noOpen = 0x40;
const positionIndependentProgram = 0x800_0000;

function refusedByDynamic(elf: ElfFile, realPath: string, dialect: LoaderDialect): PluginFile | null {
  const refused = (reason: OpenReason, sentence: string): PluginFile => ({
    kind: 'refused',
    realPath,
    reason,
    message: dialect.kind === 'glibc' ? `${realPath}: ${sentence}` : null,
  });
  if (elf.dynamic === null) {
    return refused('not-a-shared-object', 'object file has no dynamic section');
  }
  if (dialect.kind === 'musl') {
    return null;
  }
  if ((elf.dynamic.flags1 & positionIndependentProgram) !== 0) {
    return refused('not-a-shared-object', 'cannot dynamically load position-independent executable');
  }
  return (elf.dynamic.flags1 & noOpen) !== 0
    ? refused('not-a-shared-object', 'shared object cannot be dlopen()ed')
    : null;
}
