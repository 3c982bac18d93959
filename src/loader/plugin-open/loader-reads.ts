import { ElfFile } from '../../binary/elf/elf-file.ts';
import { readGoFile } from '../../binary/go/go-file.ts';
import type { ByteSource } from '../../bytes/byte-source.ts';
import { unlessDamaged } from '../../errors.ts';
import { constantTexts } from '../library-closure/run-time-linker.ts';
import { assertLoadable } from './assert-loadable.ts';
import { objectOf } from './loaded-object.ts';
import { firstByteOfModuleData } from './module-registration.ts';
import { referenceTo } from './symbol-reference.ts';

/** What a file is to a host: the loader is a library too. */
export type FileKind = 'library' | 'loader' | 'host' | 'plugin';

/**
 * Reads everything of a file that following plugin.Open may read of it, whatever it meets: what is read here and kept is
 * enough to follow it when the file is gone. What contradicts its format is read as far as it goes, and contradicts it
 * again later.
 *
 * @param kind of a library nobody asks what Go's linker left in it.
 */
export function readAsLoader(source: ByteSource, kind: FileKind): void {
  const elf = unlessDamaged(() => {
    source.read(0, Math.min(source.size, fileHeaderBytes));
    return new ElfFile(source);
  });
  if (elf === null) {
    return;
  }
  const go = kind === 'library' || kind === 'loader' ? null : unlessDamaged(() => readGoFile(elf));
  const object = objectOf(elf, { name: '', askedAs: null, hashes: null });
  const readings: readonly (() => unknown)[] = [
    () => elf.symbolVersions,
    () => elf.relocations,
    () => elf.notes,
    // Any name: the table is read as a whole.
    () => object.defines(referenceTo('main')),
    ...(kind === 'plugin'
      ? [() => go?.hashes?.checkOrder, () => assertLoadable(elf), () => firstByteOfModuleData(elf)]
      : []),
    ...(kind === 'loader' ? [() => [...constantTexts(elf)]] : []),
  ];
  for (const read of readings) {
    unlessDamaged(read);
  }
}

// Bytes of the longest ELF header, which loaders look at before anything else.
const fileHeaderBytes = 64;
