import type { ByteSource } from '../../bytes/byte-source.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { ET, PF, PT } from '../elf/names.ts';

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
    const banner = findText(elf, 'GNU C Library ', 'read-only');
    const version = banner === null ? null : /stable release version (\d+\.\d+)/.exec(textAt(elf.source, banner, 256));
    return { kind: 'glibc', linkage: 'none', version: version?.[1] ?? null, at: banner };
  }
  if (/^ld-linux|^ld64\.so/.test(soname)) {
    return { kind: 'glibc', linkage: 'none', version: null, at: null };
  }
  if (soname.startsWith('libc.musl-') || (soname === 'libc.so' && elf.interpreter === null)) {
    // musl's loader prints "musl libc (x86_64)\nVersion %s" and keeps the version as a text of its own.
    const banner = findText(elf, 'musl libc (', 'read-only');
    return { kind: 'musl', linkage: 'none', version: null, at: banner };
  }
  return null;
}

const glibcMarks = ['GLIBC_TUNABLES', 'Fatal glibc error', 'FATAL: kernel too old', 'GNU C Library'];
const muslMarks = ['No error information', 'musl libc'];

function insideStaticProgram(elf: ElfFile): CLibrary {
  for (const mark of glibcMarks) {
    const at = findText(elf, mark, 'read-only');
    if (at !== null) {
      return { kind: 'glibc', linkage: 'static', version: null, at };
    }
  }
  for (const mark of muslMarks) {
    const at = findText(elf, mark, 'read-only');
    if (at !== null) {
      return { kind: 'musl', linkage: 'static', version: null, at };
    }
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

// A shared object that needs nothing and imports nothing has no use for a C library.
function withoutNeeded(elf: ElfFile): CLibrary {
  const symbols = elf.dynamicSymbols;
  for (let index = 1; symbols !== null && index < symbols.length; index++) {
    if (symbols.isImport(index)) {
      return { kind: 'unknown', linkage: 'dynamic', version: null, at: null };
    }
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

const chunkBytes = 1 << 20;

/**
 * Offset in the file of a text in its loadable segments; `null` when none holds it.
 *
 * @param where `read-only` leaves out segments that the program may write to.
 */
export function findText(elf: ElfFile, text: string, where: 'read-only' | 'anywhere'): number | null {
  const needle = Buffer.from(text, 'latin1');
  for (const segment of elf.segments) {
    if (segment.type !== PT.load || (where === 'read-only' && (segment.flags & PF.write) !== 0)) {
      continue;
    }
    const end = segment.offset + segment.fileBytes;
    for (let start = segment.offset; start < end; start += chunkBytes) {
      // Each chunk overlaps the next by the text's length, so that it is not cut in two.
      const chunk = elf.source.read(start, Math.min(chunkBytes + needle.length, end - start));
      const found = chunk.indexOf(needle);
      if (found !== -1) {
        return start + found;
      }
    }
  }
  return null;
}

function textAt(source: ByteSource, at: number, bytes: number): string {
  return source
    .read(at, Math.min(bytes, source.size - at))
    .toString('latin1')
    .replace(/\0.*$/s, '');
}
