/**
 * Compares what elfgate reads of ELF files with what GNU readelf prints of them.
 *
 *     node test/conformance/readelf.ts [--count 1000] [ROOT…]
 *
 * Exit code 1 when one file differs; every difference is printed.
 */

import { parseArgs } from 'node:util';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { ET, machineName, typeName } from '../../src/binary/elf/names.ts';
import { abiTag, buildId } from '../../src/binary/elf/notes.ts';
import { type FileSource, openFile } from '../../src/bytes/byte-source.ts';
import { elfFacts } from '../../src/facts/elf-facts.ts';
import { findElfFiles, pick, usualRoots } from './elf-files.ts';
import { readelf, type StatedFile } from './readelf-text.ts';

/** What one reader says and the other does not: `exports: readelf […], elfgate […]`; empty when both agree. */
export function differences(path: string): readonly string[] {
  const theirs = readelf(path);
  const ours = elfgate(path);
  if (typeof ours === 'string') {
    return [`elfgate refuses it: ${ours}`];
  }
  return keys
    .filter((key) => theirs.header.sections > 0 || !onlyBySections.has(key))
    .flatMap((key) => difference(key, theirs[key], ours[key]));
}

// readelf finds these tables through section headers alone. Files without any are compared with their twins that have
// them, in test/binary/without-sections.test.ts.
const onlyBySections: ReadonlySet<keyof StatedFile> = new Set([
  'imports',
  'exports',
  'versionsNeeded',
  'versionsDefined',
]);

const keys = [
  ...(['header', 'segments', 'interpreter', 'needed', 'soname', 'rpath', 'runpath', 'flags', 'imports'] as const),
  ...(['exports', 'versionsNeeded', 'versionsDefined', 'buildId', 'abiTag'] as const),
] satisfies readonly (keyof StatedFile)[];

function difference(key: string, theirs: StatedFile[keyof StatedFile], ours: StatedFile[keyof StatedFile]): string[] {
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    const [left, right] = [new Set(theirs), new Set(ours)];
    const missing = theirs.filter((item) => !right.has(item));
    const invented = ours.filter((item) => !left.has(item));
    return missing.length + invented.length === 0 && theirs.length === ours.length
      ? []
      : [`${key}: readelf ${theirs.length} ${shown(missing)}, elfgate ${ours.length} ${shown(invented)}`];
  }
  return JSON.stringify(theirs) === JSON.stringify(ours)
    ? []
    : [`${key}: readelf ${shown(theirs)}, elfgate ${shown(ours)}`];
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

/** Machines by readelf's words (binutils, `get_machine_name`) and by ours. */
const machineWords: Readonly<Record<string, string>> = {
  'Advanced Micro Devices X86-64': 'x86_64',
  'Intel 80386': '386',
  AArch64: 'aarch64',
  ARM: 'arm',
  'IBM S/390': 's390',
  'MIPS R3000': 'mips',
  PowerPC: 'ppc',
  PowerPC64: 'ppc64',
  'RISC-V': 'riscv',
  'Linux BPF': 'bpf',
  LoongArch: 'loongarch',
  Sparc: 'sparc',
  'Sparc v9': 'sparcv9',
  Alpha: 'alpha',
  ARCv2: 'arcv2',
  HPPA: 'parisc',
  'Intel IA-64': 'ia_64',
  MC68000: '68k',
  'Renesas / SuperH SH': 'sh',
};

const machineNumbers = new Map(Object.entries(machineWords).map(([theirs, ours]) => [ours, theirs]));

function elfgate(path: string): StatedFile | string {
  let source: FileSource | null = null;
  try {
    source = openFile(path);
    return stated(new ElfFile(source), path);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    source?.close();
  }
}

function stated(elf: ElfFile, path: string): StatedFile {
  const { header, dynamic, notes } = elf;
  const facts = elfFacts(elf, { path, root: null, symbols: 'listed', surface: 'skipped', isGo: false });
  const machine = machineName(header.machine);
  const tag = abiTag(header, notes);
  return {
    header: {
      class: header.encoding.is64 ? 'ELF64' : 'ELF32',
      data: header.encoding.littleEndian ? 'little endian' : 'big endian',
      type: typeName(header.type),
      machine: machineNumbers.get(machine) ?? machine,
      entry: header.entry,
      segments: header.segmentTable.count,
      sections: header.sectionTable.count,
    },
    segments: elf.segments.map(
      ({ offset, address, fileBytes, memoryBytes, flags }) =>
        `${offset} ${address} ${fileBytes} ${memoryBytes} ${flags & 4 ? 'R' : ''}${flags & 2 ? 'W' : ''}${flags & 1 ? 'E' : ''}`,
    ),
    interpreter: facts.interpreter,
    needed: facts.needed,
    soname: facts.soname,
    rpath: joined(facts.rpath),
    runpath: joined(facts.runpath),
    flags: dynamic === null ? [] : [...dynamic.flagNames].sort(),
    imports: (facts.imports ?? []).map(
      ({ name, version, library, binding, type }) =>
        `${type} ${binding} ${name}${version === null ? '' : `@${version}`} ${library ?? '-'}`,
    ),
    exports: (facts.exports ?? []).map(
      ({ name, version, default: isDefault, binding, type, visibility, size }) =>
        // readelf leaves out the version of the symbol that a version script makes of the version's own name.
        `${type} ${binding} ${visibility} ${size} ${name}${version === null || version === name ? '' : `${isDefault ? '@@' : '@'}${version}`}`,
    ),
    versionsNeeded: (elf.symbolVersions?.needed ?? []).map(
      ({ library, version, index, weak }) => `${library} ${version} ${index}${weak ? ' weak' : ''}`,
    ),
    versionsDefined: (elf.symbolVersions?.defined ?? []).map(({ version, index, parents }) =>
      [`${index} ${version}`, ...parents].join(' < '),
    ),
    buildId: header.type === ET.core ? null : buildId(notes),
    abiTag: tag === null ? null : `${tag.system} ${tag.version}`,
  };
}

function joined(elements: readonly string[]): readonly string[] {
  return elements.length === 0 ? [] : [elements.join(':')];
}

function main(): void {
  const { values, positionals } = parseArgs({
    options: { count: { type: 'string', default: '1000' } },
    allowPositionals: true,
  });
  const files = pick(findElfFiles(positionals.length > 0 ? positionals : usualRoots), Number(values.count));
  let differing = 0;
  for (const path of files) {
    const found = differences(path);
    if (found.length > 0) {
      differing += 1;
      process.stdout.write(`${path}\n${found.map((each) => `  ${each}\n`).join('')}`);
    }
  }
  process.stdout.write(`${files.length - differing} files equal, ${differing} differ\n`);
  process.exitCode = differing === 0 ? 0 : 1;
}

if (import.meta.main) {
  main();
}
