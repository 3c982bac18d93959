import type { FileTree } from '../../image/file-tree.ts';
import type { LibraryOptions } from '../library-closure/closure.ts';
import { LibraryShelf } from '../library-closure/library-shelf.ts';
import type { NamedFile } from '../library-closure/main-object.ts';
import type { DlopenPrediction } from './prediction.ts';
import { type OpeningMode, startProcess } from './process.ts';

/** What happens when a program opens objects in an order. */
export interface DlopenSequence {
  readonly host: string;
  readonly loader: 'dlopen';
  readonly scope: OpeningMode['scope'];
  readonly binding: OpeningMode['binding'];
  readonly results: readonly DlopenPrediction[];
}

export interface DlopenOptions extends OpeningMode, LibraryOptions {
  /** The root file system that libraries are taken from. */
  readonly root: FileTree;
  /** Called before each file, for progress. */
  readonly onFile?: (path: string) => void;
}

/**
 * Predicts dlopen of each object, in this order, in one process of the program, with no environment but the given one.
 *
 * An object that cannot be read has an outcome; a program that cannot be read is an error.
 *
 * @throws ElfgateError `unreadable` or `unsupported-format` for the program; `limit`.
 * @throws FormatError when the program, or a library that starts with it, contradicts the format.
 */
export function predictDlopens(
  program: NamedFile,
  objects: readonly NamedFile[],
  { root, scope, binding, onFile, ...options }: DlopenOptions,
): DlopenSequence {
  onFile?.(program.name);
  const process = startProcess(program, new LibraryShelf(root), options);
  const results = objects.map((object) => {
    onFile?.(object.name);
    return process.open(object, { scope, binding });
  });
  return { host: program.name, loader: 'dlopen', scope, binding, results };
}
