import { dynamicFlags, dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, EM, PF, PT } from '../../binary/elf/names.ts';
import { findRelocation } from '../../binary/elf/relocations.ts';
import { FormatError } from '../../errors.ts';
import type { SharedObject } from '../library-closure/shared-object.ts';
import { assertHashTable, assertSymbols, assertVersions } from './symbol-soundness.ts';

const sound = new WeakSet<SharedObject>();

/**
 * The same as {@link assertSoundFile}, and of the tables of symbols, once for each object.
 *
 * @throws FormatError naming the file.
 */
export function assertSound(object: SharedObject): void {
  if (!sound.has(object)) {
    object.ask((elf) => {
      assertSoundFile(elf);
      assertSymbols(elf);
      assertHashTable(elf);
      assertVersions(elf);
    });
    sound.add(object);
  }
}

/**
 * Refuses what no linker writes and what would make the loader write over memory that is not the object's own, or jump
 * there: what happens then is nothing that can be told, and certainly not that it loads.
 *
 * @throws FormatError
 */
export function assertSoundFile(elf: ElfFile): void {
  assertRelocations(elf);
  assertInitialisers(elf);
}

// The highest number that the processor supplement gives to a relocation of the run-time linker.
const highestTypes: ReadonlyMap<number, number> = new Map([
  [3, 43],
  [EM.x86_64, 42],
  [183, 1032],
  [EM.s390, 61],
]);

// R_*_COPY, which fills a program's own copy of a library's data, as many bytes as a symbol claims to have.
const copyTypes: ReadonlyMap<number, number> = new Map([
  [3, 5],
  [EM.x86_64, 5],
  [183, 1024],
  [EM.s390, 9],
]);

// R_*_RELATIVE. glibc takes the first DT_RELACOUNT for such without a look at them, or stops with an assertion.
const relativeTypes: ReadonlyMap<number, number> = new Map([
  [EM.x86_64, 8],
  [183, 1027],
  [EM.s390, 12],
]);

function assertRelocations({ header, dynamic, memory, segments }: ElfFile): void {
  if (dynamic === null) {
    return;
  }
  // With text relocations the loader makes all of it writable for a while.
  const needed = dynamicFlags(dynamic).includes('TEXTREL') ? 0 : PF.write;
  const places = segments.filter(({ type, flags }) => type === PT.load && (flags & needed) === needed);
  const isInside = (address: number): boolean =>
    places.some((place) => address >= place.address && address < place.address + place.memoryBytes);
  const highest = highestTypes.get(header.machine) ?? Number.POSITIVE_INFINITY;
  const [copy, relative] = [copyTypes.get(header.machine), relativeTypes.get(header.machine)];
  let relativeLeft = relative === undefined ? 0 : (dynamicValue(dynamic, DT.relaCount) ?? 0);
  const wrong = findRelocation(header, dynamic, memory, (address, type) => {
    relativeLeft -= 1;
    if (relativeLeft >= 0 && type !== relative) {
      return true;
    }
    // R_*_NONE is 0 on every machine, and its place is never touched.
    return type !== 0 && (type > highest || type === copy || !isInside(address));
  });
  if (wrong !== null) {
    throw new FormatError(
      dynamic.offset,
      `a relocation of type ${wrong.type} patches address 0x${wrong.address.toString(16)}, ` +
        'which is no writable part of the object, or is of no type that a library has there',
    );
  }
}

function assertInitialisers({ header, dynamic, memory, segments }: ElfFile): void {
  if (dynamic === null) {
    return;
  }
  const init = dynamicValue(dynamic, DT.init);
  const code = segments.filter(({ type, flags }) => type === PT.load && (flags & PF.execute) !== 0);
  if (init !== null && !code.some(({ address, memoryBytes }) => init >= address && init < address + memoryBytes)) {
    throw new FormatError(dynamic.offset, `DT_INIT at address 0x${init.toString(16)} is no code of the object`);
  }
  const array = dynamicValue(dynamic, DT.initArray);
  const bytes = dynamicValue(dynamic, DT.initArraySize) ?? 0;
  if (array !== null && bytes > 0) {
    memory.offsetOfAll(array, bytes - (bytes % header.encoding.addressBytes), 'the initialisers');
  }
}
