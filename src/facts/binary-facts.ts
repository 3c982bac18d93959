import { ElfFile } from '../binary/elf/elf-file.ts';
import { startsLikeElf } from '../binary/elf/header.ts';
import { EM, ET } from '../binary/elf/names.ts';
import { readGoFile } from '../binary/go/go-file.ts';
import type { PackageHashes } from '../binary/go/package-hashes.ts';
import { startsLikeWasm } from '../binary/wasm/magic.ts';
import type { ByteSource } from '../bytes/byte-source.ts';
import { sha256 } from '../bytes/digest.ts';
import { ElfgateError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';
import { elfFacts } from './elf-facts.ts';
import { goFacts } from './go-facts.ts';
import { libcFacts } from './libc-facts.ts';
import type { BinaryFacts } from './schema.ts';

export interface BinaryOptions {
  readonly path: string;
  readonly root: FileTree | null;
  /** The role that the caller gives; `null` to find it out. */
  readonly role: 'host' | 'plugin' | null;
  /** Whether the caller named this very file, and not a directory above it. */
  readonly named: boolean;
  readonly symbols: 'listed' | 'counted';
  /** Whether the caller is going to ask for relocations, which facts hardly need. */
  readonly asksForRelocations?: boolean;
}

/** One binary: its facts, and the readers that relations to other binaries are worked out with. */
export interface InspectedBinary {
  readonly facts: BinaryFacts;
  readonly elf: ElfFile | null;
  readonly hashes: PackageHashes | null;
}

/** The format that the first bytes show; `null` for one that is not read here. */
export function formatOf(source: ByteSource): 'elf' | 'wasm' | null {
  const length = Math.min(8, source.size);
  // Of each file of a root: what is read for a first look at larger structures is far more than most are worth.
  const start = source.readInto === undefined ? source.read(0, length) : Buffer.alloc(length);
  source.readInto?.(start, 0);
  return startsLikeElf(start) ? 'elf' : startsLikeWasm(start) ? 'wasm' : null;
}

/**
 * States the facts of one file.
 *
 * @throws FormatError when its bytes contradict its format.
 * @throws ElfgateError `unsupported-format` when it is of no format that is read here.
 */
export function inspectBinary(source: ByteSource, options: BinaryOptions): InspectedBinary {
  const format = formatOf(source);
  if (format === null) {
    throw new ElfgateError(
      'unsupported-format',
      `${options.path}: offset 0x0: ${source.size === 0 ? 'the file is empty' : 'neither an ELF nor a Wasm file'}`,
      { hint: 'name an ELF binary, a shared library, a Wasm module, or a directory that holds some' },
    );
  }
  const { path, role, named } = options;
  const common = { path, sha256: sha256(source), size: source.size, named, layer: null };
  if (format === 'wasm') {
    return { facts: { ...common, format, role, elf: null, go: null, libc: null }, elf: null, hashes: null };
  }
  const elf = new ElfFile(source);
  if (options.asksForRelocations === true) {
    elf.surveyRelocationsFirst();
  }
  const go = elf.header.machine === EM.bpf ? null : readGoFile(elf);
  const goOf = go === null ? null : goFacts(elf, go);
  const facts: BinaryFacts = {
    ...common,
    format: elf.header.machine === EM.bpf ? 'bpf' : 'elf',
    role: role ?? foundRole(goOf, named),
    elf: elfFacts(elf, {
      path,
      root: options.root,
      symbols: options.symbols,
      surface: named || role !== null || goOf?.plugin != null ? 'read' : 'skipped',
      isGo: go !== null,
    }),
    go: goOf,
    libc: elf.header.type === ET.exec || elf.header.type === ET.dyn ? libcFacts(elf, goOf?.cResolver ?? []) : null,
  };
  return { facts, elf, hashes: go?.hashes ?? null };
}

/**
 * Programs that link package plugin and were built without cgo are common (kubectl is one) and open no plugins: among
 * the files of a directory only those that can count as hosts. A file that the caller named may be a mistake to point out.
 */
function foundRole(go: BinaryFacts['go'], named: boolean): 'host' | 'plugin' | null {
  if (go === null) {
    return null;
  }
  if (go.plugin !== null) {
    return 'plugin';
  }
  const isHost = go.importsPlugin === true && (named || (go.cgo === true && go.packages !== null));
  return isHost ? 'host' : null;
}
