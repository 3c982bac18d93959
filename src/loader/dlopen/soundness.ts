import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, PF, PT } from '../../binary/elf/names.ts';
import { FormatError } from '../../errors.ts';
import type { SharedObject } from '../library-closure/shared-object.ts';
import { assertPlacesOfRelocations } from './relocation-soundness.ts';
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
  assertPlacesOfRelocations(elf);
  assertInitialisers(elf);
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
