/** What `readelf -W` of GNU binutils says of files, taken out of its text. */

import { spawnSync } from 'node:child_process';

/** One file in the words that both readers share. */
export interface StatedFile {
  readonly header: {
    readonly class: string;
    readonly data: string;
    readonly type: string;
    readonly machine: string;
    readonly entry: number;
    readonly segments: number;
    readonly sections: number;
  };
  /** Type, offset, address, sizes and flags of each program header. */
  readonly segments: readonly string[];
  readonly interpreter: string | null;
  readonly needed: readonly string[];
  readonly soname: string | null;
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  readonly flags: readonly string[];
  /** As `func global malloc@GLIBC_2.2.5 libc.so.6`. */
  readonly imports: readonly string[];
  /** As `func weak default 12 name@@VERSION`. */
  readonly exports: readonly string[];
  readonly versionsNeeded: readonly string[];
  readonly versionsDefined: readonly string[];
  readonly buildId: string | null;
  readonly abiTag: string | null;
}

// In a UTF-8 locale readelf 2.40 prints only the first byte of a character of several, such as Go's middle dot.
const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };

/** Runs readelf on one file. @throws Error when readelf is not on this machine. */
export function readelf(path: string): StatedFile {
  // Its warnings and its exit code speak of debug information and of notes whose meaning it does not know.
  const { stdout, error } = spawnSync('readelf', ['-W', '-h', '-l', '-d', '--dyn-syms', '-V', '-n', path], {
    env: environment,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (error !== undefined) {
    throw error;
  }
  return parse(stdout.split('\n'));
}

function parse(lines: readonly string[]): StatedFile {
  const header = (name: string): string => {
    const prefix = `  ${name}:`;
    return (
      lines
        .find((line) => line.startsWith(prefix))
        ?.slice(prefix.length)
        .trim() ?? ''
    );
  };
  const needed = versionNeeds(lines);
  const libraries = new Map(needed.map(({ index, library }) => [index, library]));
  const symbols = dynamicSymbols(lines);
  const paths = (tag: string): readonly string[] => dynamicTexts(lines, tag).slice(-1);
  return {
    header: {
      class: header('Class'),
      data: header('Data').split(',')[1]?.trim() ?? '',
      type: (header('Type').split(' ')[0] ?? '').toLowerCase(),
      machine: header('Machine'),
      entry: Number(header('Entry point address')),
      // "0 (64)" and the like: a number that did not fit into the header, and the real one.
      segments: inParentheses(header('Number of program headers')),
      sections: inParentheses(header('Number of section headers')),
    },
    segments: segments(lines),
    interpreter: first(lines, /^ {6}\[Requesting program interpreter: (.*)\]$/),
    needed: dynamicTexts(lines, 'NEEDED'),
    soname: dynamicTexts(lines, 'SONAME').at(-1) ?? null,
    rpath: paths('RPATH'),
    runpath: paths('RUNPATH'),
    flags: dynamicFlags(lines),
    imports: symbols
      .filter(({ section, binding, name }) => section === 'UND' && binding !== 'local' && name !== '')
      .map(({ type, binding, name }) => {
        const [, plain, index] = /^(.*) \((\d+)\)$/.exec(name) ?? [null, name, '-1'];
        return `${type} ${binding} ${plain} ${libraries.get(Number(index)) ?? '-'}`;
      }),
    exports: symbols
      .filter(
        ({ section, binding, visibility }) =>
          section !== 'UND' && binding !== 'local' && (visibility === 'default' || visibility === 'protected'),
      )
      // Data that a copy relocation defines here keeps the version it is needed in, with that version's index.
      .map(({ type, binding, visibility, size, name }) =>
        [type, binding, visibility, size, name.replace(/ \(\d+\)$/, '')].join(' '),
      ),
    versionsNeeded: needed.map(
      ({ library, version, index, weak }) => `${library} ${version} ${index}${weak ? ' weak' : ''}`,
    ),
    versionsDefined: versionDefinitions(lines),
    buildId:
      first(lines, /^\s+Build ID: ([0-9a-f]*)$/) ?? first(lines, /\tBuild ID: ([0-9a-f]*)$/) ?? embeddedBuildId(lines),
    abiTag:
      first(lines, /OS: (.*, ABI: [\d.]+)$/)
        ?.toLowerCase()
        .replace(', abi:', '') ?? null,
  };
}

function inParentheses(text: string): number {
  return Number(/^\d+ \((\d+)\)$/.exec(text)?.[1] ?? text);
}

function first(lines: readonly string[], pattern: RegExp): string | null {
  for (const line of lines) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) {
      return found;
    }
  }
  return null;
}

function embeddedBuildId(lines: readonly string[]): string | null {
  return first(lines, /NT_GNU_BUILD_ID \(unique build ID bitstring\)\s+Build ID: ([0-9a-f]*)$/);
}

const segmentLine =
  /^ {2}(\S+)\s+(0x[0-9a-f]+) (0x[0-9a-f]+) 0x[0-9a-f]+ (0x[0-9a-f]+) (0x[0-9a-f]+) ([R ][W ][E ]) (0x[0-9a-f]+|0)$/;

function segments(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => {
    const [, , offset, address, fileBytes, memoryBytes, flags] = segmentLine.exec(line) ?? [];
    return offset === undefined
      ? []
      : [`${[offset, address, fileBytes, memoryBytes].map(Number).join(' ')} ${flags?.replaceAll(' ', '')}`];
  });
}

function dynamicTexts(lines: readonly string[], tag: string): readonly string[] {
  const pattern = new RegExp(`^ 0x[0-9a-f]+ \\(${tag}\\) .*?: \\[(.*)\\]$`);
  return lines.flatMap((line) => pattern.exec(line)?.[1] ?? []);
}

function dynamicFlags(lines: readonly string[]): readonly string[] {
  const names = new Set<string>();
  for (const line of lines) {
    const [, tag, value] = /^ 0x[0-9a-f]+ \((FLAGS|FLAGS_1|SYMBOLIC|TEXTREL|BIND_NOW)\)\s+(.*)$/.exec(line) ?? [];
    if (tag === undefined || value === undefined) {
      continue;
    }
    const flags = tag.startsWith('FLAGS') ? value.replace('Flags:', '').split(' ') : [tag];
    for (const flag of flags) {
      // elfgate has one name for DF_1_NOW and DF_BIND_NOW, which ask for the same thing.
      names.add(flag === 'NOW' ? 'BIND_NOW' : flag);
    }
  }
  // What readelf prints of an entry in which no flag is set.
  names.delete('None');
  names.delete('');
  return [...names].sort();
}

interface StatedSymbol {
  readonly size: number;
  readonly type: string;
  readonly binding: string;
  readonly visibility: string;
  readonly section: string;
  /** With its version, as readelf prints it. */
  readonly name: string;
}

// Words of readelf and those of the constants.
const words: Readonly<Record<string, string>> = { ifunc: 'gnu_ifunc', unique: 'gnu_unique' };

function word(text: string): string {
  const lower = text.toLowerCase();
  return words[lower] ?? lower;
}

const symbolLine =
  /^ *\d+: [0-9a-f]+ +(\d+|0x[0-9a-f]+) (\S+) +(\S+) +(\S+) +(?:\[(?:<other>: [0-9a-f]+|[A-Z_ ]+)\] +)?(UND|ABS|COM|\d+|\S+ ?\[0x[0-9a-f]+\]|bad section index\[ *\d+\]) ?(.*)$/;

function dynamicSymbols(lines: readonly string[]): readonly StatedSymbol[] {
  const from = lines.findIndex((line) => line.startsWith("Symbol table '.dynsym' contains"));
  const symbols: StatedSymbol[] = [];
  for (let index = from + 2; from !== -1 && index < lines.length && lines[index] !== ''; index++) {
    // What UNIQUE is called in files whose OSABI is not GNU's; glibc treats both alike (elf/dl-lookup.c).
    const line = (lines[index] ?? '').replace('<OS specific>: 10', 'UNIQUE');
    const [, size, type, binding, visibility, section, name] = symbolLine.exec(line) ?? [];
    if (
      size === undefined ||
      type === undefined ||
      binding === undefined ||
      visibility === undefined ||
      section === undefined ||
      name === undefined
    ) {
      throw new Error(`readelf printed a symbol that this test cannot read: ${lines[index]}`);
    }
    symbols.push({
      size: Number(size),
      type: word(type),
      binding: word(binding),
      visibility: word(visibility),
      section,
      name,
    });
  }
  return symbols;
}

interface StatedNeed {
  readonly library: string;
  readonly version: string;
  readonly index: number;
  readonly weak: boolean;
}

function versionNeeds(lines: readonly string[]): readonly StatedNeed[] {
  let library = '';
  return lines.flatMap((line) => {
    library = /^ {2}(?:0x)?[0-9a-f]+: Version: \d+ {2}File: (.*) {2}Cnt: \d+$/.exec(line)?.[1] ?? library;
    const [, version, flags, index] =
      /^ {2}0x[0-9a-f]+: {3}Name: (.*) {2}Flags: (.*?) {1,2}Version: (\d+)$/.exec(line) ?? [];
    return version === undefined
      ? []
      : [{ library, version, index: Number(index), weak: flags?.includes('WEAK') ?? false }];
  });
}

/** As `2 GLIBC_2.3 < GLIBC_2.2.5`; the base definition, which repeats the file's name, is left out. */
function versionDefinitions(lines: readonly string[]): readonly string[] {
  const definitions: string[] = [];
  let isBase = false;
  for (const line of lines) {
    const [, flags, index, name] =
      /^ {2}(?:0x)?[0-9a-f]+: Rev: \d+ {2}Flags: (.*?) {1,2}Index: (\d+) {2}Cnt: \d+ {2}Name: (.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      isBase = flags?.includes('BASE') ?? false;
      if (!isBase) {
        definitions.push(`${index} ${name}`);
      }
    }
    const parent = /^ {2}0x[0-9a-f]+: Parent \d+: (.*)$/.exec(line)?.[1];
    if (parent !== undefined && !isBase) {
      definitions.push(`${definitions.pop()} < ${parent}`);
    }
  }
  return definitions;
}
