import type { ByteSource } from '../../bytes/byte-source.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { Fields } from './encoding.ts';
import type { ElfHeader } from './header.ts';
import { ET, PT, SHF, SHT } from './names.ts';
import type { Section } from './sections.ts';
import type { Segment } from './segments.ts';

/** One note (gABI chapter 5, "Note Section"): who wrote it, which kind, and its bytes. */
export interface Note {
  readonly owner: string;
  readonly type: number;
  readonly description: Buffer;
  /** Offset of the note in the file, bytes. */
  readonly at: number;
}

/**
 * Notes of the note segments, then of the note sections that no such segment covers: objects have no segments, and
 * Go's own linker leaves `.note.gnu.build-id` out of them.
 *
 * @throws FormatError when a note ends outside its segment.
 */
export function readNotes(
  source: ByteSource,
  header: ElfHeader,
  segments: readonly Segment[],
  sections: readonly Section[],
): readonly Note[] {
  // The notes of a core file are registers and file tables: gigabytes at worst, and about a process, not a binary.
  if (header.type === ET.core) {
    return [];
  }
  const places: (NotePlace & { readonly at: number })[] = [];
  const add = (place: NotePlace & { readonly at: number }): void => {
    if (place.offset > source.size - place.bytes) {
      throw new FormatError(place.at, `${place.bytes} bytes of notes at ${place.offset} end outside the file`);
    }
    if (places.length >= limits.noteTables) {
      throw new FormatError(place.at, `more than ${limits.noteTables} segments and sections hold notes`);
    }
    places.push(place);
  };
  for (const segment of segments) {
    if (segment.type === PT.note) {
      const { offset, fileBytes, alignment, at } = segment;
      add({ offset, bytes: fileBytes, alignment, at });
    }
  }
  const covered = places.map(({ offset, bytes }) => ({ from: offset, to: offset + bytes }));
  for (const section of sections) {
    // Notes outside the memory of a program, such as .note.stapsdt, are for debuggers.
    if (section.type !== SHT.note || (segments.length > 0 && (section.flags & SHF.alloc) === 0)) {
      continue;
    }
    const { offset, size, alignment, at } = section;
    if (!covered.some(({ from, to }) => from <= offset && offset + size <= to)) {
      add({ offset, bytes: size, alignment, at });
    }
  }
  const notes: Note[] = [];
  let bytes = 0;
  for (const place of places) {
    bytes += place.bytes;
    if (bytes > limits.noteBytes) {
      throw new FormatError(place.at, `${bytes} bytes of notes are more than the ${limits.noteBytes} that are read`);
    }
    readNotesOf(source, header, place, notes);
  }
  return notes;
}

interface NotePlace {
  readonly offset: number;
  readonly bytes: number;
  readonly alignment: number;
}

function readNotesOf(source: ByteSource, header: ElfHeader, place: NotePlace, notes: Note[]): void {
  // GNU property notes of 64-bit files are aligned to 8, all others to 4, whatever p_align says below that.
  const alignment = place.alignment === 8 ? 8 : 4;
  const end = place.offset + place.bytes;
  const bytes = source.read(place.offset, place.bytes);
  const fields = new Fields(bytes, header.encoding);
  let at = place.offset;
  // Padding is counted from the start of the note, as glibc and readelf do, and not from that of the file.
  while (at + 12 <= end) {
    const within = at - place.offset;
    const ownerBytes = fields.u32(within);
    const descriptionBytes = fields.u32(within + 4);
    const type = fields.u32(within + 8);
    const descriptionAt = at + aligned(12 + ownerBytes, alignment);
    if (descriptionAt + descriptionBytes > end) {
      throw new FormatError(
        at,
        `a note with ${ownerBytes} bytes of owner and ${descriptionBytes} of description ends outside its segment`,
      );
    }
    const ownerAt = within + 12;
    const terminator = bytes.indexOf(0, ownerAt);
    const description = descriptionAt - place.offset;
    notes.push({
      owner: bytes.toString(
        'latin1',
        ownerAt,
        Math.min(terminator === -1 ? bytes.length : terminator, ownerAt + ownerBytes),
      ),
      type,
      description: bytes.subarray(description, description + descriptionBytes),
      at,
    });
    if (notes.length > limits.notes) {
      throw new FormatError(at, `more than ${limits.notes} notes`);
    }
    at += aligned(descriptionAt + descriptionBytes - at, alignment);
  }
}

function aligned(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** NT_GNU_BUILD_ID as hexadecimal text; `null` when the file has none. */
export function buildId(notes: readonly Note[]): string | null {
  return notes.find((note) => note.owner === 'GNU' && note.type === 3)?.description.toString('hex') ?? null;
}

/** The build id that Go's linker writes (`cmd/internal/buildid`): four hashes parted by slashes. */
export function goBuildId(notes: readonly Note[]): string | null {
  return notes.find((note) => note.owner === 'Go' && note.type === 4)?.description.toString('latin1') ?? null;
}

/** NT_GNU_ABI_TAG: the system and its oldest release that the file was linked for. */
export function abiTag(header: ElfHeader, notes: readonly Note[]): { system: string; version: string } | null {
  const note = notes.find((candidate) => candidate.owner === 'GNU' && candidate.type === 1);
  if (note === undefined || note.description.length < 16) {
    return null;
  }
  const fields = new Fields(note.description, header.encoding);
  const system = ['linux', 'hurd', 'solaris', 'freebsd', 'netbsd', 'syllable', 'nacl'][fields.u32(0)];
  return {
    system: system ?? `system_0x${fields.u32(0).toString(16)}`,
    version: [fields.u32(4), fields.u32(8), fields.u32(12)].join('.'),
  };
}

// Processor features of NT_GNU_PROPERTY_TYPE_0 (x86-64 and AArch64 supplements): property number, bit, name.
const featureBits: readonly (readonly [number, number, string])[] = [
  [0xc0000002, 0x1, 'IBT'],
  [0xc0000002, 0x2, 'SHSTK'],
  [0xc0000000, 0x1, 'BTI'],
  [0xc0000000, 0x2, 'PAC'],
];

/** Control-flow protections that every object of the file was compiled with, from NT_GNU_PROPERTY_TYPE_0. */
export function processorFeatures(header: ElfHeader, notes: readonly Note[]): readonly string[] {
  const properties = gnuProperties(header, notes);
  return featureBits.flatMap(([number, bit, name]) => (((properties.get(number) ?? 0) & bit) === 0 ? [] : [name]));
}

const x86IsaNeeded = 0xc0008002;
const x86Levels = ['x86-64-baseline', 'x86-64-v2', 'x86-64-v3', 'x86-64-v4'];

/**
 * Level of the x86-64 instructions without which glibc since 2.33 refuses a file (x86-64 supplement,
 * GNU_PROPERTY_X86_ISA_1_NEEDED), from 1 for what every processor has; 0 where nothing is said.
 */
export function neededProcessorLevel(header: ElfHeader, notes: readonly Note[]): { level: number; name: string } {
  const bits = gnuProperties(header, notes).get(x86IsaNeeded) ?? 0;
  const level = 32 - Math.clz32(bits & 0xf);
  return { level, name: x86Levels[level - 1] ?? 'any' };
}

/** Values of the properties of four bytes by their numbers; of those that several notes state, the bits of all. */
function gnuProperties(header: ElfHeader, notes: readonly Note[]): ReadonlyMap<number, number> {
  const properties = new Map<number, number>();
  for (const note of notes) {
    if (note.owner !== 'GNU' || note.type !== 5) {
      continue;
    }
    const fields = new Fields(note.description, header.encoding);
    let at = 0;
    while (at + 8 <= note.description.length) {
      const property = fields.u32(at);
      const bytes = fields.u32(at + 4);
      if (at + 8 + bytes > note.description.length) {
        throw new FormatError(note.at, `a program property of ${bytes} bytes ends outside its note`);
      }
      if (bytes === 4) {
        properties.set(property, (properties.get(property) ?? 0) | fields.u32(at + 8));
      }
      at = aligned(at + 8 + bytes, header.encoding.addressBytes);
    }
  }
  return properties;
}
