import { stretches } from '../../bytes/stretches.ts';
import { FormatError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { encodingOf, Fields } from '../elf/encoding.ts';
import { PF, PT } from '../elf/names.ts';

/** What `go version -m` prints: the toolchain, the modules and the settings of a build. */
export interface BuildInformation {
  /** Offset of the information in the file, bytes. */
  readonly at: number;
  readonly version: string;
  /** Import path of the main package; `null` in binaries built without modules. */
  readonly path: string | null;
  readonly main: GoModule | null;
  readonly deps: readonly GoModule[];
  /** In the order that the toolchain wrote them. */
  readonly settings: readonly (readonly [string, string])[];
}

export interface GoModule {
  readonly path: string;
  readonly version: string;
  readonly sum: string;
  readonly replace: GoModule | null;
}

const magic = Buffer.from('\xff Go buildinf:', 'latin1');
const headerBytes = 32;
const alignment = 16;

/**
 * Reads the build information as `debug/buildinfo` of Go's standard library does: through the `.go.buildinfo`
 * section, else anywhere in the first writable segment.
 *
 * Returns `null` where Go says "not a Go executable": plugins and programs of 1.19 and earlier built as shared
 * objects carry none.
 *
 * @throws FormatError when the information starts and then contradicts its format.
 */
export function readBuildInformation(elf: ElfFile): BuildInformation | null {
  const place = searchPlace(elf);
  if (place === null) {
    return null;
  }
  const at = findMagic(elf, place);
  if (at === null || at + headerBytes > place.offset + place.bytes) {
    return null;
  }
  const header = elf.source.read(at, headerBytes);
  const flags = header.readUInt8(15);
  const texts = (flags & 2) !== 0 ? inlineTexts(elf, at, place) : pointedTexts(elf, header, flags);
  if (texts === null || texts.version === '') {
    return null;
  }
  return { at, version: texts.version, ...parseModules(unframed(texts.modules), at) };
}

interface Place {
  readonly offset: number;
  readonly bytes: number;
  /** Virtual address of the place, by which the magic is aligned. */
  readonly address: number;
}

function searchPlace(elf: ElfFile): Place | null {
  const section = elf.section('.go.buildinfo');
  if (section !== null && section.size > 0) {
    return { offset: section.offset, bytes: section.size, address: section.address };
  }
  const segment = elf.segments.find(
    ({ type, flags, fileBytes }) => type === PT.load && fileBytes > 0 && (flags & (PF.execute | PF.write)) === PF.write,
  );
  return segment === undefined ? null : { offset: segment.offset, bytes: segment.fileBytes, address: segment.address };
}

/** Offset in the file of the first magic at a multiple of 16 bytes; `null` when there is none. */
function findMagic(elf: ElfFile, place: Place): number | null {
  const skip = (alignment - (place.address % alignment)) % alignment;
  const end = Math.min(place.offset + place.bytes, elf.source.size);
  const start = place.offset + skip;
  if (start >= end) {
    return null;
  }
  for (const { offset, bytes } of stretches(elf.source, start, end - start, { entryBytes: alignment })) {
    for (let found = bytes.indexOf(magic); found !== -1; found = bytes.indexOf(magic, found + 1)) {
      if (found % alignment === 0) {
        return offset + found;
      }
    }
  }
  return null;
}

interface Texts {
  readonly version: string;
  readonly modules: Buffer;
}

// Since Go 1.18 the header is followed by two strings, each behind its length as a variable-length integer.
function inlineTexts(elf: ElfFile, at: number, place: Place): Texts | null {
  const end = place.offset + place.bytes;
  const version = lengthPrefixed(elf, at + headerBytes, end);
  const modules = version === null ? null : lengthPrefixed(elf, version.next, end);
  return version === null || modules === null
    ? null
    : { version: version.bytes.toString('utf8'), modules: modules.bytes };
}

function lengthPrefixed(
  elf: ElfFile,
  at: number,
  end: number,
): { readonly bytes: Buffer; readonly next: number } | null {
  let length = 0;
  let position = at;
  for (let shift = 0; ; shift += 7) {
    if (position >= end || shift > 49) {
      return null;
    }
    const byte = elf.source.read(position, 1).readUInt8(0);
    position += 1;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      break;
    }
  }
  if (length > end - position) {
    return null;
  }
  assertBounded(length, at);
  return { bytes: elf.source.read(position, length), next: position + length };
}

// Before Go 1.18 the header holds the addresses of two Go strings, each an address and a length.
function pointedTexts(elf: ElfFile, header: Buffer, flags: number): Texts | null {
  const pointerBytes = header.readUInt8(14);
  if (pointerBytes !== 4 && pointerBytes !== 8) {
    return null;
  }
  const fields = new Fields(header, encodingOf(pointerBytes === 8, (flags & 1) === 0));
  const version = goString(elf, fields, fields.word(16));
  const modules = goString(elf, fields, fields.word(16 + pointerBytes));
  return version === null ? null : { version: version.toString('utf8'), modules: modules ?? Buffer.alloc(0) };
}

function goString(elf: ElfFile, like: Fields, address: number): Buffer | null {
  const { addressBytes } = like.encoding;
  if (elf.memory.bytesFrom(address) < 2 * addressBytes) {
    return null;
  }
  const fields = new Fields(elf.memory.read(address, 2 * addressBytes, 'a Go string'), like.encoding);
  const start = fields.word(0);
  const length = fields.word(addressBytes);
  if (length > elf.memory.bytesFrom(start)) {
    return null;
  }
  assertBounded(length, elf.memory.offsetOf(start) ?? 0);
  return elf.memory.read(start, length, 'the text of a Go string');
}

function assertBounded(length: number, at: number): void {
  if (length > limits.goBuildInfoBytes) {
    throw new FormatError(at, `${length} bytes of Go build information are more than are read`);
  }
}

// The go command puts 16 bytes before and after the text, by which it finds it in memory (modload.infoStart, infoEnd).
function unframed(modules: Buffer): string {
  return modules.length >= 33 && modules[modules.length - 17] === 0x0a
    ? modules.toString('utf8', 16, modules.length - 16)
    : '';
}

type Modules = Omit<BuildInformation, 'at' | 'version'>;

// The reverse of BuildInfo.String in Go's runtime/debug/mod.go: lines of columns parted by tabs.
function parseModules(text: string, at: number): Modules {
  let path: string | null = null;
  let main = null as GoModule | null;
  const deps: GoModule[] = [];
  const settings: [string, string][] = [];
  // Where a replacement on the next line belongs to.
  let last: 'main' | 'dependency' | null = null;
  for (const line of text.split('\n').slice(0, -1)) {
    const word = line.slice(0, line.indexOf('\t') + 1);
    const rest = line.slice(word.length);
    switch (word) {
      case 'path\t':
        path = rest;
        break;
      case 'mod\t':
        main = parseModule(rest, at);
        last = 'main';
        break;
      case 'dep\t':
        deps.push(parseModule(rest, at));
        last = 'dependency';
        break;
      case '=>\t': {
        if (last === null || rest.split('\t').length !== 3) {
          throw new FormatError(
            at,
            'a replacement in the Go build information has no module before it or not three columns',
          );
        }
        const replace = parseModule(rest, at);
        if (last === 'main' && main !== null) {
          main = { ...main, replace };
        }
        const dependency = last === 'dependency' ? deps.pop() : undefined;
        if (dependency !== undefined) {
          deps.push({ ...dependency, replace });
        }
        last = null;
        break;
      }
      case 'build\t':
        settings.push(parseSetting(rest, at));
        break;
      default:
        break;
    }
  }
  return { path, main, deps, settings };
}

function parseModule(columns: string, at: number): GoModule {
  const [path, version, sum, ...more] = columns.split('\t');
  if (path === undefined || version === undefined || more.length > 0) {
    throw new FormatError(at, 'a module line of the Go build information has not two or three columns');
  }
  return { path, version, sum: sum ?? '', replace: null };
}

function parseSetting(text: string, at: number): [string, string] {
  const key = text.startsWith('"') || text.startsWith('`') ? quotedPrefix(text, at) : text.slice(0, text.indexOf('='));
  if (key === '' || text[key.length] !== '=') {
    throw new FormatError(at, 'a setting of the Go build information has no name or no value');
  }
  return [unquoted(key, at), unquoted(text.slice(key.length + 1), at)];
}

function quotedPrefix(text: string, at: number): string {
  const quoted = /^(?:"(?:[^"\\\n]|\\.)*"|`[^`]*`)/.exec(text)?.[0];
  if (quoted === undefined) {
    throw new FormatError(at, 'a quoted name in the Go build information does not end');
  }
  return quoted;
}

/** Go's strconv.Unquote for the forms that strconv.Quote writes. */
function unquoted(text: string, at: number): string {
  if (text.startsWith('`')) {
    return text.slice(1, -1).replaceAll('\r', '');
  }
  if (!text.startsWith('"')) {
    return text;
  }
  if (text.length < 2 || quotedPrefix(text, at) !== text) {
    throw new FormatError(at, 'a quoted value in the Go build information does not end');
  }
  const simple: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
  return text
    .slice(1, -1)
    .replaceAll(
      /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([0-7]{3})|(.))/gi,
      (_all, x, u, wide, octal, letter) => {
        const code = x ?? u ?? wide;
        if (code !== undefined) {
          const point = Number.parseInt(code, 16);
          return point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
        }
        return octal === undefined ? (simple[letter] ?? letter) : String.fromCharCode(Number.parseInt(octal, 8));
      },
    );
}
