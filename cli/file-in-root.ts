import { realpathSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { FileTree } from '../src/image/file-tree.ts';
import type { NamedFile } from '../src/loader/library-closure/main-object.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Where a file lies: below the root when its path on this machine is; a path from the root on names the root's own file
 * when there is one; everything else lies outside and is judged as if it were brought in.
 */
export function fileInRoot(name: string, root: string, tree: FileTree, surroundings: Surroundings): NamedFile {
  // For the loader it says that the file is a directory; what resolves paths here forgets it.
  const slash = /\/\.?$/.test(name) ? '/' : '';
  const place = `${resolve(surroundings.cwd(), name)}${slash}`;
  const top = realpathSync(resolve(surroundings.cwd(), root));
  for (const path of [place, withoutLinks(place)]) {
    const below = relative(top, path);
    if (below !== '' && below !== '..' && !below.startsWith('../')) {
      return { name, place, inRoot: `/${below}${slash}` };
    }
  }
  const isOfRoot = name.startsWith('/') && tree.resolve(name)?.kind === 'file';
  return { name, place, inRoot: isOfRoot ? name : null };
}

function withoutLinks(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    // Opening it says why it cannot be had.
    return path;
  }
}
