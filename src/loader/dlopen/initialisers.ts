import { type DynamicSection, dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, EM, SHN, STB, STT, visibilityName } from '../../binary/elf/names.ts';
import { findRelocation } from '../../binary/elf/relocations.ts';
import type { SharedObject } from '../library-closure/shared-object.ts';

/** {@link runsOwnInitialisers}, asked once for each object. @throws FormatError when they lie outside the file. */
export function hasOwnInitialisers(object: SharedObject): boolean {
  const known = answers.get(object);
  if (known !== undefined) {
    return known;
  }
  const answer = object.ask(runsOwnInitialisers);
  answers.set(object, answer);
  return answer;
}

const answers = new WeakMap<SharedObject, boolean>();

/**
 * Whether code of an object's own runs while it is loaded: anything but what the compiler puts into every library, which
 * calls nothing that must be defined (`_init` of crti.o, `frame_dummy` of crtbegin.o).
 *
 * @throws FormatError when the initialisers lie outside the file.
 */
export function runsOwnInitialisers(elf: ElfFile): boolean {
  if (elf.dynamic === null) {
    return false;
  }
  const init = dynamicValue(elf.dynamic, DT.init);
  const array = dynamicValue(elf.dynamic, DT.initArray);
  const count = Math.floor((dynamicValue(elf.dynamic, DT.initArraySize) ?? 0) / elf.header.encoding.addressBytes);
  return (
    (init !== null && !isUsualInit(elf, init)) ||
    (array !== null && !isUsualArray(elf, array, count)) ||
    choosesFunctions(elf)
  );
}

/** Whether functions of an object (STT_GNU_IFUNC) are called to choose others, which is done while it is bound. */
function choosesFunctions({ dynamicSymbols: symbols }: ElfFile): boolean {
  return symbols?.exports.some((index) => symbols.type(index) === STT.ifunc) === true;
}

// [endbr64;] sub $8,%rsp; mov __gmon_start__@GOT,%rax; test %rax,%rax; je +2; call *%rax; add $8,%rsp; ret
const usualInit = /^((?:f30f1efa)?4883ec08488b05)(.{8})4885c07402ffd04883c408c3/;

function isUsualInit(elf: ElfFile, address: number): boolean {
  const [, before = '', distance = ''] =
    elf.header.machine === EM.x86_64 ? (usualInit.exec(codeAt(elf, address, 32)) ?? []) : [];
  // Relative to the instruction behind it.
  const place = address + before.length / 2 + 4 + (distance === '' ? 0 : Buffer.from(distance, 'hex').readInt32LE());
  return distance !== '' && isUsuallyAbsent(elf, place);
}

/** Whether a place in memory is filled with the address of __gmon_start__, which only profiled programs define. */
function isUsuallyAbsent({ relocations, dynamicSymbols: symbols }: ElfFile, place: number): boolean {
  const filling = relocations.addresses.indexOf(place);
  const symbol = relocations.symbols[filling];
  return (
    symbol !== undefined &&
    relocations.addresses.indexOf(place, filling + 1) === -1 &&
    symbols !== null &&
    symbol < symbols.length &&
    symbols.name(symbol) === '__gmon_start__' &&
    symbols.section(symbol) === SHN.undefined &&
    // With a value it would be taken for a definition.
    symbols.value(symbol) === 0 &&
    // What is local or hidden is not looked up: it stands for the start of the object.
    symbols.binding(symbol) !== STB.local &&
    visibilityName(symbols.other(symbol)) === 'default'
  );
}

// [endbr64;] jmp register_tm_clones, which lies before it and calls nothing but the weak _ITM_registerTMCloneTable.
const usualFrameDummy = /^(?:f30f1efa)?(?:e9(.{8})|eb(.{2}))/;
const mostBetween = 512;

function isUsualArray(elf: ElfFile, address: number, count: number): boolean {
  if (count === 0) {
    return true;
  }
  if (count > 1 || elf.header.machine !== EM.x86_64 || !elf.header.encoding.is64) {
    return false;
  }
  const entry = firstEntry(elf, elf.dynamic, address);
  if (entry === null) {
    return false;
  }
  const code = codeAt(elf, entry, 16);
  const [whole = '', wide, short] = usualFrameDummy.exec(code) ?? [];
  if (wide === undefined && short === undefined) {
    return false;
  }
  const distance =
    wide === undefined ? Buffer.from(short ?? '', 'hex').readInt8() : Buffer.from(wide, 'hex').readInt32LE();
  const target = whole.length / 2 + distance;
  return target < 0 && target > -mostBetween;
}

const relativeType = 8;

/** The first initialiser: what its relocation says, or what stands in place for DT_RELR; `null` for one of a symbol. */
function firstEntry({ header, memory }: ElfFile, dynamic: DynamicSection | null, address: number): number | null {
  const found = dynamic === null ? null : findRelocation(header, dynamic, memory, (place) => place === address);
  if (found !== null) {
    return found.type === relativeType ? found.addend : null;
  }
  return Number(memory.read(address, 8, 'the initialisers').readBigUInt64LE());
}

/** Hexadecimal; empty where the file has no bytes. */
function codeAt(elf: ElfFile, address: number, length: number): string {
  const most = Math.min(length, elf.memory.bytesFrom(address));
  return most === 0 ? '' : elf.memory.read(address, most, 'an initialiser').toString('hex');
}
