import { readdirSync, realpathSync, statSync } from 'node:fs';
import { ElfFile } from '../../binary/elf/elf-file.ts';
import { Fields } from '../../binary/elf/encoding.ts';
import type { ElfHeader } from '../../binary/elf/header.ts';
import { startsLikeElf } from '../../binary/elf/header.ts';
import { ET } from '../../binary/elf/names.ts';
import { isOffPages } from '../../binary/elf/segments.ts';
import { type GoFile, readGoFile } from '../../binary/go/go-file.ts';
import { type ByteSource, type FileSource, openFile } from '../../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
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

/** Where the files that a host opens are found. */
export interface OpenableFiles {
  /** What realpath(3) makes of a path; `null` for what cannot be reached. */
  find(path: string): FoundFile | null;
}

export interface FoundFile {
  readonly realPath: string;
  /** By which the loader knows a file again: device and inode. */
  readonly identity: string;
  readonly isDirectory: boolean;
  /** @throws ElfgateError `unreadable` */
  open(): FileSource;
}

/** The file system of the machine that elfgate runs on. */
export const machineFiles: OpenableFiles = {
  find(path) {
    try {
      const realPath = realpathSync.native(path);
      const status = statSync(realPath);
      const isDirectory = status.isDirectory();
      if (isDirectory) {
        readdirSync(realPath);
      }
      return { realPath, identity: `${status.dev}:${status.ino}`, isDirectory, open: () => openFile(realPath) };
    } catch {
      // realpath(3) fails for whatever cannot be reached, and Go gives no reason either.
      return null;
    }
  },
};

/** Reads what `path` names, and judges it as the loader of a host with the given header does before it maps it. */
export function openPluginFile(
  path: string,
  options: {
    readonly host: ElfHeader;
    readonly dialect: LoaderDialect;
    readonly files: OpenableFiles;
    readonly close: (source: { close(): void }) => void;
  },
): PluginFile {
  const found = options.files.find(path);
  if (found === null) {
    return { kind: 'absent' };
  }
  const { realPath, identity } = found;
  if (found.isDirectory) {
    return {
      kind: 'refused',
      realPath,
      reason: 'file-unreadable',
      message: unreadText(options, realPath, 'Is a directory'),
    };
  }
  let source: FileSource;
  try {
    // Not read as a whole: a fifth of a plugin is what its loader looks at.
    source = found.open();
    options.close(source);
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
    const refused = refusedByDynamic(elf, realPath, options.host, options.dialect);
    if (refused !== null) {
      return refused;
    }
    elf.surveyRelocationsFirst();
    return { kind: 'object', realPath, identity, elf, go: readGoFile(elf) };
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
  const word = (at: number): number => (littleEndian ? start.readUInt16LE(at) : start.readUInt16BE(at));
  // Debian passes over another byte order as over another machine (measured); upstream has a sentence for it.
  const elsewhere = refused('wrong-machine', 'cannot open shared object file: No such file or directory');
  if (start[5] !== (littleEndian ? 1 : 2)) {
    return elsewhere;
  }
  const identification = refusedIdentification(start, littleEndian);
  if (identification !== null) {
    return refused('not-elf', identification);
  }
  if (word(18) !== host.machine) {
    return elsewhere;
  }
  const type = word(16);
  if (type !== ET.dyn && type !== ET.exec) {
    return refused('not-a-shared-object', 'only ET_DYN and ET_EXEC can be loaded');
  }
  if (word(is64 ? 54 : 42) !== (is64 ? 56 : 32)) {
    return refused('not-elf', "ELF file's phentsize not the expected size");
  }
  const fields = new Fields(start, host.encoding);
  const tableEnd = fields.word(24 + host.encoding.addressBytes) + word(is64 ? 54 : 42) * word(is64 ? 56 : 44);
  if (tableEnd > source.size) {
    return refused('not-elf', 'cannot read file data');
  }
  return type === ET.exec ? refused('not-a-shared-object', 'cannot dynamically load executable') : null;
}

// EI_VERSION, EI_OSABI, EI_ABIVERSION, EI_PAD and e_version, in glibc's order. Releases differ in which ABI versions of
// ELFOSABI_GNU they know (LIBC_ABI_MAX).
function refusedIdentification(start: Uint8Array, littleEndian: boolean): string | null {
  if (start[6] !== 1) {
    return 'ELF file version ident does not match current one';
  }
  if (start[7] !== 0 && start[7] !== 3) {
    return 'ELF file OS ABI invalid';
  }
  if (start[7] === 0 && start[8] !== 0) {
    return 'ELF file ABI version invalid';
  }
  if (start.subarray(9, 16).some((byte) => byte !== 0)) {
    return 'nonzero padding in e_ident';
  }
  const version = new DataView(start.buffer, start.byteOffset, start.length).getUint32(20, littleEndian);
  return version === 1 ? null : 'ELF file version does not match current one';
}

/**
 * musl's map_library (`ldso/dynlink.c`) looks at the type alone, in its own byte order. What becomes of a file of another
 * machine or word size depends on what its fields and relocations mean to this one.
 */
function refusedByMusl(start: Buffer, path: string, host: ElfHeader): Refusal | null {
  const { is64, littleEndian } = host.encoding;
  const message = `Error loading shared library ${path}: Exec format error`;
  if (start.length < (is64 ? 64 : 52) || !startsLikeElf(start)) {
    return { reason: 'not-elf', message };
  }
  const word = (at: number): number => (littleEndian ? start.readUInt16LE(at) : start.readUInt16BE(at));
  if (start[5] !== (littleEndian ? 1 : 2)) {
    return { reason: 'wrong-machine', message };
  }
  if (word(16) !== ET.dyn && word(16) !== ET.exec) {
    return { reason: 'not-a-shared-object', message };
  }
  if (start[4] !== (is64 ? 2 : 1)) {
    return { reason: 'wrong-machine', message: null };
  }
  return null;
}

// DF_1_NOOPEN and DF_1_PIE (glibc, `elf/dl-load.c`, _dl_map_object_from_fd). musl opens both.
const noOpen = 0x40;
const positionIndependentProgram = 0x800_0000;

function refusedByDynamic(elf: ElfFile, realPath: string, host: ElfHeader, dialect: LoaderDialect): PluginFile | null {
  const refused = (reason: OpenReason, message: string | null): PluginFile => ({
    kind: 'refused',
    realPath,
    reason,
    message,
  });
  const notShared = (sentence: string): PluginFile => refused('not-a-shared-object', `${realPath}: ${sentence}`);
  if (isOffPages(elf.segments)) {
    // glibc words it differently since 2.35; musl maps other bytes than are meant.
    return refused('not-elf', null);
  }
  if (dialect.kind === 'musl') {
    if (elf.dynamic === null) {
      return refused('not-a-shared-object', `Error loading shared library ${realPath}: Exec format error`);
    }
    if (elf.header.machine !== host.machine) {
      return refused('wrong-machine', null);
    }
    // Refused where the addresses that it is linked for are taken, which those of most programs are.
    return elf.header.type === ET.exec ? refused('not-a-shared-object', null) : null;
  }
  if (elf.dynamic === null) {
    return notShared('object file has no dynamic section');
  }
  if ((elf.dynamic.flags1 & positionIndependentProgram) !== 0) {
    return notShared('cannot dynamically load position-independent executable');
  }
  return (elf.dynamic.flags1 & noOpen) !== 0 ? notShared('shared object cannot be dlopen()ed') : null;
}
