import { spawnSync } from 'node:child_process';
import test from 'ava';
import { countRelocations } from '../../../src/binary/elf/relocations.ts';
import { type ArtifactName, artifacts } from '../../lab/lab.ts';
import { labElf } from './lab-elf.ts';
import { elfOf } from './quick.ts';
import { FieldWriter, piecesAt, tinyLibrary } from './tiny-elf.ts';

const names = ['c/relr', 'c/my-api', 'c/textrel', 'go/plugin', 'cross/library-s390x', 'c/hello-static-pie'] as const;

/** What `readelf -r` counts. */
function counted(path: string): { readonly rela: number; readonly relr: number } {
  const { stdout } = spawnSync('readelf', ['-W', '-r', path], { encoding: 'utf8', maxBuffer: 1 << 28 });
  let [rela, relr] = [0, 0];
  for (const [, section, entries] of stdout.matchAll(/^Relocation section '([^']*)' at .* contains (\d+) entr/gm)) {
    if (section?.includes('relr') !== true) {
      rela += Number(entries);
    }
  }
  relr = Number(/^(\d+) offsets$/m.exec(stdout)?.[1] ?? /^ *(\d+) offsets/m.exec(stdout)?.[1] ?? 0);
  return { rela, relr };
}

for (const name of names) {
  test(`${name} has as many relocations as readelf counts`, async (t) => {
    const lab = await artifacts([name as ArtifactName]);
    const files = await labElf(t, [name]);
    const elf = files?.[name];
    if (!lab.available || elf === undefined || elf.dynamic === null) {
      return;
    }
    const { rel, rela, relr } = countRelocations(elf.header, elf.dynamic, elf.memory);
    t.deepEqual({ rel, rela, relr }, { rel: 0, ...counted(lab.path[name] ?? '') });
  });
}

test('packed relative relocations count as what they expand to, in either byte order and width', (t) => {
  for (const is64 of [true, false]) {
    for (const littleEndian of [true, false]) {
      // An address, a bitmap of three words after it, an address, a bitmap of all that fit.
      const bits = is64 ? 63 : 31;
      const words = new FieldWriter({ is64, littleEndian }).word(0x1000, 0b1011_1 & ~0b10000, 0x3000).done();
      const full = Buffer.alloc(is64 ? 8 : 4, 0xff);
      const all = Buffer.concat([words, full]);
      const elf = elfOf(
        tinyLibrary(
          [
            [36, piecesAt],
            [35, all.length],
          ],
          { is64, littleEndian, pieces: [[piecesAt, all]] },
        ),
      );
      t.deepEqual(elf.dynamic && countRelocations(elf.header, elf.dynamic, elf.memory), {
        rel: 0,
        rela: 0,
        relr: 1 + 2 + 1 + bits,
      });
    }
  }
});

test('relocations of 32-bit files have 24 bits of symbol, with or without addend', (t) => {
  const layout = { is64: false, littleEndian: true };
  const rel = new FieldWriter(layout).u32(0x100, (5 << 8) | 7).done();
  const rela = new FieldWriter(layout).u32(0x200, (6 << 8) | 1, 0xffffffff).done();
  const elf = elfOf(
    tinyLibrary(
      [
        [17, piecesAt],
        [18, 8],
        [7, piecesAt + 8],
        [8, 12],
      ],
      { ...layout, machine: 3, pieces: [[piecesAt, Buffer.concat([rel, rela])]] },
    ),
  );
  t.deepEqual(elf.relocations, {
    length: 2,
    addresses: Float64Array.of(0x200, 0x100),
    symbols: Uint32Array.of(6, 5),
    types: Uint32Array.of(1, 7),
    runs: Uint32Array.of(0, 1),
    firstLazy: 2,
  });
  t.deepEqual(elf.relocationSurvey?.types, [
    { type: 1, lowestAddress: 0x200, highestAddress: 0x200, lowestAddend: -1, highestAddend: -1, lacksSymbol: false },
    { type: 7, lowestAddress: 0x100, highestAddress: 0x100, lowestAddend: 0, highestAddend: 0, lacksSymbol: false },
  ]);
});

test('64-bit MIPS puts the symbol first in little-endian files too', (t) => {
  for (const littleEndian of [true, false]) {
    const layout = { is64: true, littleEndian };
    // r_sym, r_ssym, r_type3, r_type2, r_type: R_MIPS_REL32, then R_MIPS_64.
    const entry = new FieldWriter(layout).u64(0x3000).u32(9).u8(0, 0, 18, 3).u64(0).done();
    const { relocations } = elfOf(
      tinyLibrary(
        [
          [7, piecesAt],
          [8, entry.length],
        ],
        { ...layout, machine: 8, pieces: [[piecesAt, entry]] },
      ),
    );
    t.is(relocations.symbols[0], 9);
    t.is((relocations.types[0] ?? 0) & 0xff, 3);
  }
});

test('the procedure linkage table is bound lazily', async (t) => {
  const lab = await labElf(t, ['c/needy-lazy']);
  const elf = lab?.['c/needy-lazy'];
  if (elf === undefined) {
    return;
  }
  const { symbols, firstLazy } = elf.relocations;
  t.true(symbols.subarray(firstLazy).some((symbol) => elf.dynamicSymbols?.name(symbol) === 'provider_fn'));
});
