import type { FileTree } from '../../image/file-tree.ts';
import { limits } from '../../limits.ts';

/**
 * Names of the objects that are loaded ahead of all needed ones: those of LD_PRELOAD, then those of `/etc/ld.so.preload`,
 * which musl does not read (ld.so(8); glibc `elf/rtld.c`, do_preload).
 *
 * @param root holds that file; null for a loader that does not read it.
 */
export function preloadNames(given: readonly string[], root: FileTree | null): readonly string[] {
  const names = given.flatMap((list) => list.split(/[ :]/));
  const found = root?.resolve('/etc/ld.so.preload') ?? null;
  if (root !== null && found !== null && found.kind === 'file') {
    const source = root.open(found.path);
    try {
      const text = source.read(0, Math.min(source.size, limits.preloadListBytes)).toString('utf8');
      names.push(...text.replaceAll(/#[^\n]*/g, '').split(/[ :\t\n]/));
    } finally {
      source.close();
    }
  }
  return names.filter((name) => name !== '');
}
