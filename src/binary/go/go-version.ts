import type { ElfFile } from '../elf/elf-file.ts';
import { Fields } from '../elf/encoding.ts';

/** A toolchain version read from something other than build information, and where it stood. */
export interface FoundVersion {
  readonly version: string;
  readonly at: number;
  readonly from: 'runtime.buildVersion' | 'dwarf producer';
}

/**
 * The toolchain of a Go binary without build information (plugins of Go 1.19 and earlier): the text behind
 * `runtime.buildVersion`, else the producer in the debug information. `null` when neither is there.
 */
export function findGoVersion(elf: ElfFile): FoundVersion | null {
  return versionOfRuntime(elf) ?? versionOfProducer(elf);
}

const versionText = /^(?:go1[.\w-]*|devel [ -~]+)$/;

function versionOfRuntime(elf: ElfFile): FoundVersion | null {
  const symbols = elf.dynamicSymbols;
  const wanted = Buffer.from('runtime.buildVersion.str\0');
  if (symbols === null || !symbols.strings.bytes.includes(wanted)) {
    return null;
  }
  for (let index = 1; index < symbols.length; index++) {
    if (symbols.name(index) !== 'runtime.buildVersion.str') {
      continue;
    }
    const bytes = Math.min(symbols.size(index), 128, elf.memory.bytesFrom(symbols.value(index)));
    const text = elf.memory
      .read(symbols.value(index), bytes, 'the Go version')
      .toString('latin1')
      .replace(/\0.*$/s, '');
    return versionText.test(text)
      ? { version: text, at: elf.memory.offsetOf(symbols.value(index)) ?? 0, from: 'runtime.buildVersion' }
      : null;
  }
  return null;
}

// Enough for the first compilation units, each of which names the compiler: debug information shrinks to a third, and
// to a thousandth when somebody wants to fill the memory of its readers.
const deflatedBytes = 512 << 10;
const inflatedBytes = 16 << 20;

function versionOfProducer(elf: ElfFile): FoundVersion | null {
  const section = elf.section('.debug_info') ?? elf.section('.zdebug_info');
  if (section === null) {
    return null;
  }
  const bytes = elf.source.read(section.offset, Math.min(section.size, deflatedBytes));
  const text = debugText(elf, bytes, section.flags)?.toString('latin1') ?? '';
  const version = /Go cmd\/compile (go1[.\w-]*)/.exec(text)?.[1];
  return version === undefined ? null : { version, at: section.offset, from: 'dwarf producer' };
}

const compressed = 0x800;

// SHF_COMPRESSED: a header of type, size and alignment, then a zlib stream (gABI, "Compressed Sections"); the older
// form starts with "ZLIB" and a size of 8 bytes.
function debugText(elf: ElfFile, bytes: Buffer, flags: number): Buffer | null {
  const old = bytes.subarray(0, 4).toString('latin1') === 'ZLIB';
  if (!old && (flags & compressed) === 0) {
    return bytes;
  }
  const start = old ? 12 : elf.header.encoding.is64 ? 24 : 12;
  if (bytes.length <= start || (!old && new Fields(bytes, elf.header.encoding).u32(0) !== 1)) {
    return null;
  }
  // Loading the library takes as long as inspecting a small file, and few files get here.
  const { inflateSync } = process.getBuiltinModule('node:zlib');
  try {
    // A stream cut off after its first bytes still yields what came before.
    return inflateSync(bytes.subarray(start), { maxOutputLength: inflatedBytes, finishFlush: 2 });
  } catch {
    // Damaged or larger than is read: debug information is only one of the places that may name the version.
    return null;
  }
}
