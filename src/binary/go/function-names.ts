import type { ByteSource } from '../../bytes/byte-source.ts';
import { stretches } from '../../bytes/stretches.ts';
import { limits } from '../../limits.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { Fields } from '../elf/encoding.ts';
import { PF, PT } from '../elf/names.ts';

/**
 * The names of all functions of a Go binary, out of pclntab, the table the runtime prints stack traces from.
 *
 * It survives stripping. Layout: `internal/abi/symtab.go` and `runtime/symtab.go` of Go.
 */
export interface FunctionNames {
  /** Offset of pclntab in the file, bytes. */
  readonly at: number;
  /** Which toolchains write this form. */
  readonly form: '1.2' | '1.16' | '1.18' | '1.20';
  has(name: string): boolean;
}

// Magic number of pclntab and the first Go release that writes it.
const forms: ReadonlyMap<number, FunctionNames['form']> = new Map([
  [0xfffffffb, '1.2'],
  [0xfffffffa, '1.16'],
  [0xfffffff0, '1.18'],
  [0xfffffff1, '1.20'],
]);

/**
 * Finds pclntab through its section, or by its header in the loadable segments when there are no sections; `null`
 * when there is none, as in programs that are not Go's.
 */
export function readFunctionNames(elf: ElfFile): FunctionNames | null {
  const section = elf.section('.gopclntab') ?? elf.section('.data.rel.ro.gopclntab');
  if (section !== null && section.size >= headerBytes(elf)) {
    return functionNamesAt(elf, section.offset, section.size);
  }
  return search(elf);
}

function headerBytes(elf: ElfFile): number {
  return 8 + 8 * elf.header.encoding.addressBytes;
}

// The names of the go command, a large program, take 700 KB.
const keptBytes = 16 << 20;

function search(elf: ElfFile): FunctionNames | null {
  const needles = [...forms.keys()].map((magic) => {
    const needle = Buffer.alloc(6);
    if (elf.header.encoding.littleEndian) {
      needle.writeUInt32LE(magic);
    } else {
      needle.writeUInt32BE(magic);
    }
    return needle;
  });
  for (const segment of elf.segments) {
    if (segment.type !== PT.load || (segment.flags & PF.execute) !== 0) {
      continue;
    }
    const end = segment.offset + segment.fileBytes;
    for (const { offset, bytes } of stretches(elf.source, segment.offset, segment.fileBytes, { overlap: 5 })) {
      for (const needle of needles) {
        for (let found = bytes.indexOf(needle); found !== -1; found = bytes.indexOf(needle, found + 1)) {
          const names = functionNamesAt(elf, offset + found, end - offset - found);
          if (names !== null) {
            return names;
          }
        }
      }
    }
  }
  return null;
}

/** The names at an offset; `null` when what stands there is no pclntab after all. */
function functionNamesAt(elf: ElfFile, at: number, bytes: number): FunctionNames | null {
  const { addressBytes } = elf.header.encoding;
  if (bytes < headerBytes(elf)) {
    return null;
  }
  const fields = new Fields(elf.source.read(at, headerBytes(elf)), elf.header.encoding);
  const form = forms.get(fields.u32(0));
  const instructionBytes = fields.u8(6);
  if (form === undefined || ![1, 2, 4].includes(instructionBytes) || fields.u8(7) !== addressBytes) {
    return null;
  }
  const word = (index: number): number => fields.word(8 + index * addressBytes);
  if (word(0) > limits.goFunctions) {
    return null;
  }
  // Words after the counts of functions and files: 1.18 put the start of the text before the offsets. Before 1.16
  // names stand anywhere in the table, so all of it is searched.
  const place =
    form === '1.2'
      ? { start: 0, end: bytes }
      : form === '1.16'
        ? { start: word(2), end: word(3) }
        : { start: word(3), end: word(4) };
  if (place.start > place.end || place.end > bytes || place.end - place.start > limits.goFunctionNameBytes) {
    return null;
  }
  const length = place.end - place.start;
  const names = { offset: at + place.start, length };
  // Some ten names are asked for one after the other: a table of ordinary size is read once for all of them.
  let kept: Buffer | undefined;
  return {
    at,
    form,
    has(name) {
      const needle = Buffer.from(`\0${name}\0`);
      if (length > keptBytes) {
        return contains(elf.source, names.offset, length, needle);
      }
      kept ??= elf.source.read(names.offset, length);
      return kept.includes(needle);
    },
  };
}

function contains(source: ByteSource, offset: number, length: number, needle: Buffer): boolean {
  for (const { bytes } of stretches(source, offset, length, { overlap: needle.length - 1 })) {
    if (bytes.includes(needle)) {
      return true;
    }
  }
  return false;
}
