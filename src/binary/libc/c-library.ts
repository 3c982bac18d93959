import type { ByteSource } from '../../bytes/byte-source.ts';
import { stretches } from '../../bytes/stretches.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { ET, PF, PT } from '../elf/names.ts';
import { readFunctionNames } from '../go/function-names.ts';

/** Which C library a binary runs with, and how it is joined to it. */
export interface CLibrary {
  /** `none`: it uses no C library; `unknown`: it uses one that leaves no mark, or one that is not known here. */
  readonly kind: 'glibc' | 'musl' | 'none' | 'unknown';
  readonly linkage: 'dynamic' | 'static' | 'none';
  /** Release of the library that is inside this file; `null` when it is outside, or does not say. */
  readonly version: string | null;
  /** Offset in the file of the text that gives the kind away; `null` when a header does. */
  readonly at: number | null;
}

/**
 * Tells the C library from the interpreter, the needed libraries and, in static programs, from texts that each
 * library carries and that survive stripping.
 */
export function identifyCLibrary(elf: ElfFile): CLibrary {
  if (elf.header.type === ET.rel || elf.header.type === ET.core) {
    return { kind: 'unknown', linkage: 'none', version: null, at: null };
  }
  const itself = ownBanner(elf);
  if (itself !== null) {
    return itself;
  }
  const kind = kindByLoader(elf.interpreter) ?? kindByNeeded(elf.dynamic?.needed ?? []);
  if (kind !== null) {
    return { kind, linkage: 'dynamic', version: null, at: null };
  }
  const needed = elf.dynamic?.needed ?? [];
  if (elf.interpreter !== null || needed.length > 0) {
    // It is joined to other objects at load time; whether one of them brings a C library, this file does not say.
    return { kind: 'unknown', linkage: 'dynamic', version: null, at: null };
  }
  return elf.header.type === ET.exec || elf.header.entry !== 0 ? insideStaticProgram(elf) : withoutNeeded(elf);
}

// musl's loader and library are one file; its name carries the architecture. glibc's loaders are ld-linux*, ld64 and
// ld.so.1 of the older ports.
function kindByLoader(interpreter: string | null): 'glibc' | 'musl' | null {
  const name = interpreter?.slice(interpreter.lastIndexOf('/') + 1) ?? '';
  if (name.startsWith('ld-musl')) {
    return 'musl';
  }
  return /^(?:ld-linux|ld64\.so|ld\.so\.1)/.test(name) ? 'glibc' : null;
}

function kindByNeeded(needed: readonly string[]): 'glibc' | 'musl' | null {
  // libc.so without a number is what musl's own linker script and its compiler wrapper put there.
  if (needed.some((name) => name.startsWith('libc.musl-') || name === 'libc.so')) {
    return 'musl';
  }
  return needed.some((name) => /^(?:libc|libc\.so|ld-linux.*|ld64)\.so\.[126](?:\.1)?$/.test(name)) ? 'glibc' : null;
}

// The libraries themselves.
function ownBanner(elf: ElfFile): CLibrary | null {
  const soname = elf.dynamic?.soname ?? '';
  if (/^libc\.so\.6(?:\.1)?$/.test(soname)) {
    const banner = findTexts(elf, [bannerStart], 'read-only').get(bannerStart) ?? null;
    return { kind: 'glibc', linkage: 'none', version: banner === null ? null : releaseAt(elf, banner), at: banner };
  }
  if (/^ld-linux|^ld64\.so/.test(soname)) {
    return { kind: 'glibc', linkage: 'none', version: null, at: null };
  }
  if (soname.startsWith('libc.musl-') || (soname === 'libc.so' && elf.interpreter === null)) {
    // musl's loader prints "musl libc (x86_64)\nVersion %s" and keeps the version as a text of its own.
    const banner = findTexts(elf, ['musl libc ('], 'read-only').get('musl libc (') ?? null;
    return { kind: 'musl', linkage: 'none', version: null, at: banner };
  }
  return null;
}

const bannerStart = 'GNU C Library ';

function releaseAt(elf: ElfFile, banner: number): string | null {
  return /stable release version (\d+\.\d+)/.exec(textAt(elf.source, banner, 256))?.[1] ?? null;
}

const glibcMarks = ['GLIBC_TUNABLES', 'Fatal glibc error', 'FATAL: kernel too old', bannerStart];
const muslMarks = ['No error information', 'musl libc'];

function insideStaticProgram(elf: ElfFile): CLibrary {
  // The section is asked for first: texts are found by reading all of the program.
  if (elf.section('.gopclntab') !== null && isGoWithoutC(elf)) {
    return { kind: 'none', linkage: 'none', version: null, at: null };
  }
  const found = findTexts(elf, [...glibcMarks, ...muslMarks], 'read-only');
  for (const [kind, marks] of [
    ['glibc', glibcMarks],
    ['musl', muslMarks],
  ] as const) {
    const mark = marks.find((text) => found.has(text));
    if (mark !== undefined) {
      // Only what asks for its release (gnu_get_libc_version) brings the banner along.
      const banner = found.get(bannerStart) ?? null;
      return {
        kind,
        linkage: 'static',
        version: kind === 'glibc' && banner !== null ? releaseAt(elf, banner) : null,
        at: found.get(mark) ?? null,
      };
    }
  }
  if (isGoWithoutC(elf)) {
    return { kind: 'none', linkage: 'none', version: null, at: null };
  }
  const starts = startSymbols(elf);
  if (starts === 'musl') {
    return { kind: 'musl', linkage: 'static', version: null, at: null };
  }
  if (starts === 'none') {
    return { kind: 'none', linkage: 'none', version: null, at: null };
  }
  return { kind: 'unknown', linkage: 'static', version: null, at: null };
}

/** Go without cgo calls the kernel itself; `strip` takes the symbols that would show it, but not pclntab. */
function isGoWithoutC(elf: ElfFile): boolean {
  const names = readFunctionNames(elf);
  return names !== null && !names.has('_cgo_topofstack');
}

// A shared object that needs nothing and imports nothing has no use for a C library.
function withoutNeeded(elf: ElfFile): CLibrary {
  if ((elf.dynamicSymbols?.imports.length ?? 0) > 0) {
    return { kind: 'unknown', linkage: 'dynamic', version: null, at: null };
  }
  return { kind: 'none', linkage: 'none', version: null, at: null };
}

/** What the symbol table of a static program tells of its start code; `null` when it is stripped. */
function startSymbols(elf: ElfFile): 'musl' | 'none' | null {
  let sawAny = false;
  let sawStart = false;
  for (const chunk of elf.linkSymbols()) {
    for (let index = 0; index < chunk.length; index++) {
      sawAny = true;
      const name = chunk.name(index);
      if (name === '__init_libc' || name === '__libc_start_init') {
        return 'musl';
      }
      sawStart ||= name === '__libc_start_main';
    }
  }
  return sawAny && !sawStart ? 'none' : null;
}

/**
 * Offsets in the file of the first occurrence of each text in its loadable segments; those that no segment holds are
 * absent. Reads the file once.
 *
 * @param where `read-only` leaves out segments that the program may write to.
 */
export function findTexts(
  elf: ElfFile,
  texts: readonly string[],
  where: 'read-only' | 'anywhere',
): ReadonlyMap<string, number> {
  const wanted = new Map(texts.map((text) => [text, Buffer.from(text, 'latin1')]));
  const overlap = Math.max(0, ...texts.map((text) => text.length - 1));
  const found = new Map<string, number>();
  for (const segment of elf.segments) {
    if (segment.type !== PT.load || (where === 'read-only' && (segment.flags & PF.write) !== 0)) {
      continue;
    }
    for (const { offset, bytes } of stretches(elf.source, segment.offset, segment.fileBytes, { overlap })) {
      for (const [text, needle] of wanted) {
        const at = bytes.indexOf(needle);
        if (at !== -1) {
          found.set(text, offset + at);
          wanted.delete(text);
        }
      }
      if (wanted.size === 0) {
        return found;
      }
    }
  }
  return found;
}

function textAt(source: ByteSource, at: number, bytes: number): string {
  return source
    .read(at, Math.min(bytes, source.size - at))
    .toString('latin1')
    .replace(/\0.*$/s, '');
}
