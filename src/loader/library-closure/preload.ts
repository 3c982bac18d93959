import { limits } from '../../limits.ts';
import type { LibraryShelf } from './library-shelf.ts';

/**
 * Names of the objects that are loaded ahead of all needed ones: those of LD_PRELOAD, then those of `/etc/ld.so.preload`,
 * which musl does not read (ld.so(8); glibc `elf/rtld.c`, do_preload).
 */
export function preloadNames(given: readonly string[], shelf: LibraryShelf | null): readonly string[] {
  const names = given.flatMap((list) => list.split(/[ :]/));
  const found = shelf?.resolve('/etc/ld.so.preload') ?? null;
  if (shelf !== null && found !== null && found.kind === 'file') {
    const source = shelf.root.open(found.path);
    try {
      const text = source.read(0, Math.min(source.size, limits.preloadListBytes)).toString('utf8');
      names.push(...text.replaceAll(/#[^\n]*/g, '').split(/[ :\t\n]/));
    } finally {
      source.close();
    }
  }
  return names.filter((name) => name !== '');
}
