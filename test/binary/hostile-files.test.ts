import { deflateSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { limits } from '../../src/limits.ts';
import { type Attempt, attempt } from './elf/quick.ts';
import { FieldWriter, piecesAt, tinyElf, tinyLibrary } from './elf/tiny-elf.ts';

// All of them are answered or refused; what they must not do is keep the reader busy or fill its memory. One second is
// what the slowest machine of the project takes for the slowest file here, three times over.
const longest = 1_000;
const mostGrown = 400_000_000;

/** Memory of this thread alone: other test files run beside it in the same process. */
function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function boundedly(t: ExecutionContext, bytes: Buffer): Attempt {
  const before = heldBytes();
  const outcome = attempt(bytes);
  t.log(`${Math.round(outcome.milliseconds)} ms: ${outcome.refusal?.message ?? 'answered'}`);
  t.true(outcome.milliseconds < longest, `${outcome.milliseconds} ms`);
  t.true(heldBytes() - before < mostGrown, 'memory grows without bound');
  return outcome;
}

function isRefused(t: ExecutionContext, bytes: Buffer, sentence: RegExp): void {
  const { refusal } = boundedly(t, bytes);
  t.regex(refusal?.message ?? 'answered', sentence);
}

const DT = { needed: 1, hash: 4, strtab: 5, symtab: 6, rela: 7, relaSize: 8, stringSize: 10, rpath: 15, rel: 17 };
const more = { relSize: 18, pltRel: 20, pltRelSize: 2, jmpRel: 23, gnuHash: 0x6ffffef5, versym: 0x6ffffff0 };
const versions = { verdef: 0x6ffffffc, verdefCount: 0x6ffffffd, verneed: 0x6ffffffe, verneedCount: 0x6fffffff };

/** Symbols, all defined and global, with the given offsets of their names. */
function symbols(nameOffsets: readonly number[]): Buffer {
  const write = Buffer.alloc(24 * (nameOffsets.length + 1));
  for (const [index, name] of nameOffsets.entries()) {
    const at = 24 * (index + 1);
    write.writeUInt32LE(name, at);
    write.writeUInt8(0x12, at + 4);
    write.writeUInt16LE(1, at + 6);
  }
  return write;
}

/** A library with these symbols, whose names stand in one string table. */
function libraryWith(nameOffsets: readonly number[], strings: Buffer): Buffer {
  const table = symbols(nameOffsets);
  const hashAt = piecesAt;
  const hash = new FieldWriter().u32(0, nameOffsets.length + 1).done();
  // The System V hash table must be long enough for the symbols that it speaks of.
  const padded = Buffer.concat([hash, Buffer.alloc(4 * (nameOffsets.length + 1))]);
  const symbolsAt = hashAt + padded.length;
  const stringsAt = symbolsAt + table.length;
  return tinyLibrary(
    [
      [DT.hash, hashAt],
      [DT.symtab, symbolsAt],
      [DT.strtab, stringsAt],
      [DT.stringSize, strings.length],
    ],
    {
      pieces: [
        [hashAt, padded],
        [symbolsAt, table],
        [stringsAt, strings],
      ],
    },
  );
}

test('two hundred thousand symbols that share one name of a megabyte are read', (t) => {
  const strings = Buffer.concat([Buffer.from('\0'), Buffer.alloc(1_000_000, 'x'), Buffer.from('\0')]);
  const { facts } = boundedly(t, libraryWith(new Array<number>(200_000).fill(1), strings));
  t.is(facts?.elf?.exportCount, 200_000);
});

test('a hundred thousand symbols whose names are ends of one megabyte are refused', (t) => {
  const strings = Buffer.concat([Buffer.from('\0'), Buffer.alloc(1_000_000, 'x'), Buffer.from('\0')]);
  const starts = Array.from({ length: 100_000 }, (_unused, index) => index + 1);
  isRefused(t, libraryWith(starts, strings), /names in this string table of 1000002 bytes overlap/);
});

test('names made to make patterns backtrack are judged quickly', (t) => {
  const long = 200_000;
  const names = [
    `_ZN${'K'.repeat(long)}`,
    `_ZN${'KVRO'.repeat(long / 4)}S`,
    `jpeg_${'compres'.repeat(long / 7)}`,
    `__start_${'a'.repeat(long)}-`,
    `__${'_chk'.repeat(long / 4)}!`,
    `_ITM_${'a'.repeat(long)}.`,
    `inflateBack${'k'.repeat(long)}`,
    `DW.ref.${'\n'.repeat(long)}`,
  ];
  const strings = Buffer.from(`\0__stack_chk_fail\0${names.join('\0')}\0`, 'latin1');
  const starts = names.map((name) => strings.indexOf(name));
  const { facts } = boundedly(t, libraryWith(starts, strings));
  t.is(facts?.elf?.exportCount, names.length);
});

test('a hash table without an end is refused', (t) => {
  const chains = new FieldWriter()
    .u32(1, 1, 1, 0)
    .u64(0)
    .u32(1)
    .bytes(Buffer.alloc(4 << 20))
    .done();
  const library = tinyLibrary(
    [
      [more.gnuHash, piecesAt],
      [DT.symtab, piecesAt],
    ],
    { pieces: [[piecesAt, chains]] },
  );
  isRefused(t, library, /last chain of the GNU hash table does not end/);
});

test('a hash table with four thousand million buckets is refused', (t) => {
  const head = new FieldWriter().u32(0xffffffff, 1, 1, 0).done();
  const tags = [
    [more.gnuHash, piecesAt],
    [DT.symtab, piecesAt],
  ] as const;
  isRefused(t, tinyLibrary(tags, { pieces: [[piecesAt, head]], size: 1 << 20 }), /GNU hash table claims 4294967295/);
  const systemV = new FieldWriter().u32(1, 0xffffffff).done();
  isRefused(
    t,
    tinyLibrary(
      [
        [DT.hash, piecesAt],
        [DT.symtab, piecesAt],
      ],
      { pieces: [[piecesAt, systemV]] },
    ),
    /System V hash table speaks of 4294967295 symbols/,
  );
});

test('version definitions that all share sixty thousand names are refused', (t) => {
  const records = 10_000;
  const names = 0xffff;
  const namesAt = piecesAt + 20 * records;
  const definitions = new FieldWriter();
  for (let index = 0; index < records; index++) {
    // Base definitions, which are no versions: a count of versions alone would not end this.
    definitions.u16(1, 1, 1, names).u32(0, namesAt - piecesAt - 20 * index, 20);
  }
  for (let index = 0; index < names; index++) {
    definitions.u32(0, 8);
  }
  const library = tinyLibrary(
    [
      [DT.symtab, piecesAt],
      [DT.strtab, 0x100],
      [DT.stringSize, 0x100],
      [more.versym, piecesAt],
      [versions.verdef, piecesAt],
      [versions.verdefCount, 0xffffffff],
    ],
    { pieces: [[piecesAt, definitions.done()]] },
  );
  isRefused(t, library, /more than 8192 version records/);
});

test('needed libraries that all share sixty thousand versions are refused', (t) => {
  const records = 10_000;
  const entries = 0xffff;
  const needs = new FieldWriter();
  for (let index = 0; index < records; index++) {
    needs.u16(1, entries).u32(0, 16 * (records - index), 16);
  }
  for (let index = 0; index < entries; index++) {
    needs.u32(0).u16(0, 2).u32(0, 16);
  }
  const library = tinyLibrary(
    [
      [DT.symtab, piecesAt],
      [DT.strtab, 0x100],
      [DT.stringSize, 0x100],
      [more.versym, piecesAt],
      [versions.verneed, piecesAt],
      [versions.verneedCount, 0xffffffff],
    ],
    { pieces: [[piecesAt, needs.done()]] },
  );
  isRefused(t, library, /more than 8192 version records/);
});

test('version records that link to themselves come to an end', (t) => {
  // The offset of the next record is 0: the last one, whatever the count says.
  const need = new FieldWriter().u16(1, 0xffff).u32(0, 0, 0).done();
  const { facts } = boundedly(
    t,
    tinyLibrary(
      [
        [DT.symtab, piecesAt],
        [DT.strtab, 0x100],
        [DT.stringSize, 0x100],
        [more.versym, piecesAt],
        [versions.verneed, piecesAt],
        [versions.verneedCount, 0xffffffff],
      ],
      { pieces: [[piecesAt, need]], size: 0x2000 },
    ),
  );
  t.deepEqual(facts?.elf?.versionsNeeded, { '': [''] });
});

test('ten thousand needed libraries with names of a megabyte are refused', (t) => {
  const strings = Buffer.concat([Buffer.alloc(1_000_000, 'x'), Buffer.from('\0')]);
  const tags = Array.from({ length: 10_000 }, (_unused, index) => [DT.needed, index] as const);
  const library = tinyLibrary([...tags, [DT.strtab, piecesAt], [DT.stringSize, strings.length]], {
    pieces: [[piecesAt, strings]],
  });
  isRefused(t, library, /names in this string table/);
});

test('a dynamic section without an end is refused', (t) => {
  const endless = new FieldWriter().u64(...new Array<number>(400_000).fill(1)).done();
  const library = tinyElf({
    segments: [
      { fileBytes: piecesAt + endless.length },
      { type: 2, offset: piecesAt, address: piecesAt, fileBytes: 16 },
    ],
    pieces: [[piecesAt, endless]],
  });
  isRefused(t, library, /dynamic entries and no end of them/);
});

test('a search path of a million colons is refused', (t) => {
  const strings = Buffer.concat([Buffer.alloc(1_000_000, ':'), Buffer.from('\0')]);
  const library = tinyLibrary(
    [
      [DT.rpath, 0],
      [DT.strtab, piecesAt],
      [DT.stringSize, strings.length],
    ],
    { pieces: [[piecesAt, strings]] },
  );
  isRefused(t, library, /more than 4096 elements of a search path/);
});

test('a million section headers are refused, claimed or there', (t) => {
  isRefused(
    t,
    tinyElf({ sections: [{ size: 1_000_000 }], claims: { sectionCount: 0 } }),
    /1000000 section headers are more than the 262144 that are read/,
  );
  isRefused(
    t,
    tinyElf({ sections: [{ size: 1_000_000 }], claims: { sectionCount: 0 }, size: 64_000_200 }),
    /1000000 section headers are more than the 262144 that are read/,
  );
});

test('as many section headers as are read at most are read in time', (t) => {
  const bytes = tinyElf({
    sections: [{ size: limits.sections }],
    claims: { sectionCount: 0 },
    size: 64 + 64 * limits.sections,
  });
  for (let index = 1; index < limits.sections; index++) {
    bytes.writeUInt32LE(7, 64 + 64 * index + 4);
    bytes.writeUInt32LE(2, 64 + 64 * index + 8);
    bytes.writeUInt32LE(64, 64 + 64 * index + 32);
  }
  isRefused(t, bytes, /notes/);
});

test('as many program headers as are read at most, all of one address, are refused', (t) => {
  const one = { type: 1, flags: 4, offset: 0, address: 0x1000, fileBytes: 64 };
  const bytes = tinyElf({
    segments: new Array<typeof one>(limits.segments).fill(one),
    sections: [{ info: limits.segments }],
  });
  isRefused(t, bytes, /loadable segments, some of them at the same addresses/);
});

test('as many loadable segments as are read at most are looked through quickly', (t) => {
  const segments = Array.from({ length: limits.segments - 1 }, (_unused, index) => ({
    type: 1,
    flags: 4,
    offset: 0,
    address: index * 0x1000,
    fileBytes: 64,
  }));
  const bytes = tinyElf({ segments, sections: [{ info: limits.segments - 1 }] });
  boundedly(t, bytes);
});

test('note segments that all name the same bytes are refused', (t) => {
  const notes = { type: 4, flags: 4, offset: 0, fileBytes: 1 << 20, alignment: 4 };
  const bytes = tinyElf({ segments: new Array<typeof notes>(40_000).fill(notes), size: 8 << 20 });
  isRefused(t, bytes, /notes/);
});

test('a note that claims four thousand million bytes is refused', (t) => {
  for (const sizes of [
    [0xffffffff, 0],
    [0, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0xfffffff5, 4],
  ]) {
    const note = new FieldWriter()
      .u32(...sizes, 3)
      .text('GNU\0')
      .u32(0, 0, 0, 0)
      .done();
    const bytes = tinyElf({
      segments: [{ type: 4, offset: 0x400, fileBytes: note.length, alignment: 4 }],
      pieces: [[0x400, note]],
    });
    isRefused(t, bytes, /offset 0x400: a note with/);
  }
});

test('an interpreter that does not end or is too long is refused', (t) => {
  const path = Buffer.from('/lib64/ld-linux-x86-64.so.2');
  isRefused(
    t,
    tinyElf({ segments: [{ type: 3, offset: 0x400, fileBytes: path.length }], pieces: [[0x400, path]] }),
    /offset 0x400: the interpreter path does not end/,
  );
  isRefused(
    t,
    tinyElf({ segments: [{ type: 3, offset: 0x400, fileBytes: 5_000 }], size: 10_000 }),
    /an interpreter path of 5000 bytes/,
  );
});

test('three relocation tables that all name the same million symbols are refused', (t) => {
  const table = Buffer.alloc(24 * 1_000_000);
  for (let at = 0; at < table.length; at += 24) {
    table.writeUInt32LE(6, at + 8);
    table.writeUInt32LE(1, at + 12);
  }
  const library = tinyLibrary(
    [
      [DT.symtab, piecesAt],
      [DT.rela, piecesAt],
      [DT.relaSize, table.length],
      [more.jmpRel, piecesAt],
      [more.pltRelSize, table.length],
      [more.pltRel, 7],
      [DT.rel, piecesAt],
      [more.relSize, table.length],
    ],
    { pieces: [[piecesAt, table]] },
  );
  const { facts } = boundedly(t, library);
  t.deepEqual(facts?.elf?.relocations, { rel: 1_500_000, rela: 2_000_000, relr: 0 });
});

test('a relocation against symbol four thousand million is refused', (t) => {
  const table = new FieldWriter().u64(0).u32(6, 0xffffffff).u64(0).done();
  const library = tinyLibrary(
    [
      [DT.symtab, piecesAt],
      [DT.rela, piecesAt],
      [DT.relaSize, 24],
    ],
    { pieces: [[piecesAt, table]] },
  );
  isRefused(t, library, /4294967296 dynamic symbols are more than the 1048576 that are read/);
});

/** A program with Go build information of this text. */
function goProgram(modules: string): Buffer {
  const header = Buffer.concat([Buffer.from('\xff Go buildinf:\x08\x02', 'latin1'), Buffer.alloc(16)]);
  const framed = Buffer.from(`0123456789abcdef${modules}0123456789abcdef`, 'latin1');
  const information = Buffer.concat([header, prefixed(Buffer.from('go1.26.8')), prefixed(framed)]);
  return tinyElf({
    type: 2,
    segments: [{ flags: 6, offset: 0x1000, address: 0x401000, fileBytes: information.length }],
    pieces: [[0x1000, information]],
  });
}

function prefixed(bytes: Buffer): Buffer {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    length.push((rest % 0x80) + 0x80);
  }
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

test('build information of a quoted value of a megabyte is read', (t) => {
  const { facts } = boundedly(t, goProgram(`build\tCGO_CFLAGS="${'a\\n'.repeat(340_000)}"\n`));
  t.is(facts?.go?.settings.CGO_CFLAGS?.length, 680_000);
});

test('a quoted value that does not end is refused', (t) => {
  isRefused(t, goProgram(`build\tCGO_CFLAGS="${'a\\n'.repeat(340_000)}\n`), /does not end/);
  isRefused(t, goProgram(`build\t"${'\\"'.repeat(500_000)}\n`), /does not end/);
});

test('build information of a hundred thousand modules is read in time', (t) => {
  const { facts } = boundedly(t, goProgram('dep\ta\tb\n'.repeat(100_000)));
  t.is(facts?.go?.deps.length, 100_000);
});

test('more build information than any program has is refused', (t) => {
  isRefused(t, goProgram('dep\ta\tb\n'.repeat(200_000)), /bytes of Go build information are more than are read/);
});

test('a file full of starts of pclntab is looked through quickly', (t) => {
  const start = Buffer.from([0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8]);
  const tables = Buffer.alloc(8 << 20);
  for (let at = 0; at < tables.length; at += 8) {
    start.copy(tables, at);
  }
  const note = new FieldWriter().u32(3, 4, 4).text('Go\0\0abcd').done();
  const bytes = tinyElf({
    segments: [
      { flags: 4, offset: 0x1000, address: 0x401000, fileBytes: tables.length },
      { type: 4, offset: 0x400, fileBytes: note.length, alignment: 4 },
    ],
    pieces: [
      [0x400, note],
      [0x1000, tables],
    ],
  });
  boundedly(t, bytes);
});

test('debug information that inflates to a gigabyte is left alone', (t) => {
  const bomb = deflateSync(Buffer.alloc(200 << 20), { level: 9 });
  const section = new FieldWriter()
    .u32(1, 0)
    .u64(1 << 30, 1)
    .bytes(bomb)
    .done();
  const note = new FieldWriter().u32(3, 4, 4).text('Go\0\0abcd').done();
  const names = Buffer.from('\0.debug_info\0.shstrtab\0.gopclntab\0');
  const bytes = tinyElf({
    segments: [{ type: 4, offset: 0x400, fileBytes: note.length, alignment: 4 }],
    sections: [
      {},
      { nameOffset: 1, type: 1, flags: 0x800, offset: 0x1000, size: section.length },
      { nameOffset: 13, type: 3, offset: 0x800, size: names.length },
    ],
    sectionNamesIndex: 2,
    pieces: [
      [0x400, note],
      [0x800, names],
      [0x1000, section],
    ],
  });
  boundedly(t, bytes);
});

test('hashes of more packages than any program has are refused', (t) => {
  const names: string[] = [];
  for (let index = 0; index < 60_000; index++) {
    names.push(`go:link.pkghashbytes.p${index}`);
  }
  const strings = Buffer.from(`\0${names.join('\0')}\0`);
  let next = 1;
  const starts = names.map((name) => {
    const start = next;
    next += name.length + 1;
    return start;
  });
  const library = libraryWith(starts, strings);
  // Sizes and values of all symbols: eight bytes at the start of the file.
  const table = library.indexOf(symbols(starts).subarray(24, 48)) - 24;
  for (let index = 1; index <= starts.length; index++) {
    library.writeUInt8(8, table + 24 * index + 16);
  }
  isRefused(t, library, /more than 32768 packages/);
});

test('a library that is named like a property of every object is a library like others', (t) => {
  const strings = Buffer.from('\0__proto__\0constructor\0V\0');
  const need = (file: number, next: number): Buffer =>
    new FieldWriter().u16(1, 1).u32(file, 16, next).u32(0).u16(0, 2).u32(23, 0).done();
  const records = Buffer.concat([need(1, 32), need(11, 0)]);
  const library = tinyLibrary(
    [
      [DT.symtab, piecesAt],
      [DT.strtab, piecesAt + 0x100],
      [DT.stringSize, strings.length],
      [more.versym, piecesAt],
      [versions.verneed, piecesAt + 0x200],
      [versions.verneedCount, 2],
    ],
    {
      pieces: [
        [piecesAt + 0x100, strings],
        [piecesAt + 0x200, records],
      ],
    },
  );
  const { facts } = boundedly(t, library);
  t.deepEqual(Object.entries(facts?.elf?.versionsNeeded ?? {}), [
    ['__proto__', ['V']],
    ['constructor', ['V']],
  ]);
});

test('a loadable segment of sixteen terabytes is refused', (t) => {
  isRefused(
    t,
    tinyElf({ segments: [{ fileBytes: 0x100000000000 }] }),
    /offset 0x40: a loadable segment of 17592186044416 bytes/,
  );
});

test('as many note sections as sections are read, all inside as many note segments as are read, are refused in time', (t) => {
  const segments = new Array<{ type: number; fileBytes: number; alignment: number }>(limits.noteTables).fill({
    type: 4,
    fileBytes: 64,
    alignment: 4,
  });
  const sections = new Array<{ type: number; flags: number; size: number }>(60_000).fill({
    type: 7,
    flags: 2,
    size: 8,
  });
  isRefused(t, tinyElf({ segments, sections: [{}, ...sections] }), /note/);
});

test('a library that needs eight thousand versions of another is read in time', (t) => {
  const count = 8_000;
  const needs = new FieldWriter().u16(1, count).u32(0, 16, 0);
  for (let index = 0; index < count; index++) {
    needs.u32(0).u16(0, 2).u32(0, 16);
  }
  boundedly(
    t,
    tinyLibrary(
      [
        [DT.symtab, 0x200],
        [DT.strtab, 0x100],
        [DT.stringSize, 0x100],
        [more.versym, piecesAt],
        [versions.verneed, piecesAt],
        [versions.verneedCount, 1],
      ],
      { pieces: [[piecesAt, needs.done()]] },
    ),
  );
});
