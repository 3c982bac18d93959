import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, PF, PT } from '../../binary/elf/names.ts';
import { relocationTypes } from '../../binary/elf/relocation-types.ts';
import { type FoundRelocation, findRelocation, type RelocationsOfType } from '../../binary/elf/relocations.ts';
import { largestPage, loadedAddresses } from '../../binary/elf/segments.ts';
import { FormatError } from '../../errors.ts';

/**
 * Refuses relocations that make the loader write over memory that is not the object's own, or that only programs have.
 *
 * @throws FormatError
 */
export function assertPlacesOfRelocations(elf: ElfFile): void {
  const { header, dynamic, segments } = elf;
  if (dynamic === null) {
    return;
  }
  // With text relocations the loader makes all of it writable for a while.
  const needed = dynamic.flagNames.includes('TEXTREL') ? 0 : PF.write;
  const places = segments.filter(({ type, flags }) => type === PT.load && (flags & needed) === needed);
  const areInside = (lowest: number, highest: number): boolean =>
    places.some((place) => lowest >= place.address && highest < place.address + place.memoryBytes);
  const known = relocationTypes(header.machine);
  // R_*_NONE is 0 on every machine, and its place is never touched.
  const isRefused = (type: number, lowest: number, highest: number): boolean =>
    type !== 0 &&
    (type > (known?.highest ?? Number.POSITIVE_INFINITY) || type === known?.copy || !areInside(lowest, highest));
  // glibc takes the first DT_RELACOUNT for relative ones without a look at them, or stops with an assertion.
  const relative = known?.relative ?? null;
  let relativeLeft = relative === null ? 0 : (dynamicValue(dynamic, DT.relaCount) ?? 0);
  const { leading } = elf.relocationSurvey ?? { leading: null };
  const beginsWell = relativeLeft <= 0 || (leading?.type === relative && leading.count >= relativeLeft);
  const wrong = firstRefused(
    elf,
    ({ type, lowestAddress, highestAddress }) => !beginsWell || isRefused(type, lowestAddress, highestAddress),
    (address, type) => {
      relativeLeft -= 1;
      return (relativeLeft >= 0 && type !== relative) || isRefused(type, address, address);
    },
  );
  if (wrong !== null) {
    throw new FormatError(
      dynamic.offset,
      `a relocation of type ${wrong.type} patches address 0x${wrong.address.toString(16)}, ` +
        'which is no writable part of the object, or is of no type that a library has there',
    );
  }
}

/**
 * Refuses relocations that no linker writes, which the loader does as they say: of a type that it does not know, without
 * the symbol whose value they ask for, or leading out of the object.
 *
 * @throws FormatError
 */
export function assertLinkersRelocations(elf: ElfFile): void {
  const known = relocationTypes(elf.header.machine);
  if (known === null || known.relative === null) {
    return;
  }
  const { lowest, highest } = loadedAddresses(elf.segments);
  const wrong = firstRefused(
    elf,
    ({ type, lowestAddend, highestAddend, lacksSymbol }) =>
      (type === known.relative && (lowestAddend < lowest || highestAddend > highest)) ||
      (known.symbolic.has(type) && (lacksSymbol || highestAddend > highest || lowestAddend < -highest - largestPage)) ||
      known.all?.has(type) === false,
    (_address, type, symbol, addend) =>
      (type === known.relative && addend !== null && (addend < lowest || addend > highest)) ||
      (known.symbolic.has(type) && (symbol === 0 || isFar(addend ?? 0, highest))) ||
      known.all?.has(type) === false,
  );
  if (wrong !== null) {
    const offset = elf.memory.offsetOf(wrong.address) ?? 0;
    throw new FormatError(offset, `a relocation of type ${wrong.type} for this place is none that a linker writes`);
  }
}

/** Whether an addend, which may be negative, leads farther away than the object is large. */
function isFar(addend: number, bytes: number): boolean {
  return addend > bytes && addend < 2 ** 64 - bytes - largestPage;
}

/**
 * The first relocation that is refused. They are looked at one by one only where what all of a type have in common leaves
 * a doubt.
 *
 * @param mayRefuse whether one of a type may be refused.
 */
function firstRefused(
  elf: ElfFile,
  mayRefuse: (common: RelocationsOfType) => boolean,
  refuses: (address: number, type: number, symbol: number, addend: number | null) => boolean,
): FoundRelocation | null {
  const { header, dynamic, memory, relocationSurvey: survey } = elf;
  if (dynamic === null || survey === null || survey.types?.some(mayRefuse) === false) {
    return null;
  }
  return findRelocation(header, dynamic, memory, refuses);
}
