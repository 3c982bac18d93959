import { ElfgateError } from '../../errors.ts';
import type { Member, MissingLibrary } from '../library-closure/closure.ts';
import { type LibraryShelf, notOnPages, type Opened } from '../library-closure/library-shelf.ts';
import { directoryOf, type LoadedObjects } from '../library-closure/loaded-objects.ts';
import type { NamedFile } from '../library-closure/main-object.ts';
import type { SharedObject } from '../library-closure/shared-object.ts';
import type { ErrorTexts } from './error-texts.ts';
import { type Outcome, refused } from './outcome.ts';
import type { DlopenReason } from './prediction.ts';

/** The object that dlopen was called for, mapped, or why it is not. */
export type NamedLoading =
  | { readonly kind: 'loaded'; readonly member: Member }
  | { readonly kind: 'refused'; readonly outcome: Outcome };

interface Surroundings {
  readonly shelf: LibraryShelf;
  readonly kind: 'glibc' | 'musl';
  readonly texts: ErrorTexts;
  /** Whether an object was in the process before this call. */
  readonly isReady: (member: Member) => boolean;
}

/**
 * Maps what a path or name means (glibc `elf/dl-load.c`, _dl_map_object; musl `ldso/dynlink.c`, load_library).
 *
 * @throws FormatError when the loader would take the file and it contradicts the format.
 */
export function loadNamed(file: NamedFile, objects: LoadedObjects, surroundings: Surroundings): NamedLoading {
  const known = objects.named(file.name);
  if (known !== null) {
    return { kind: 'loaded', member: known };
  }
  const loading = file.name.includes('/')
    ? openPath(file, objects, surroundings)
    : searchName(file.name, objects, surroundings);
  // glibc's _dl_map_object_from_fd; musl has no such flag.
  return loading.kind === 'loaded' &&
    surroundings.kind === 'glibc' &&
    loading.member.object.isNotForOpening &&
    !surroundings.isReady(loading.member)
    ? fails(file.name, 'not-a-shared-object', `${file.name}: shared object cannot be dlopen()ed`, 'DF_1_NOOPEN')
    : loading;
}

function fails(path: string, reason: DlopenReason, message: string | null, value: string): NamedLoading {
  return { kind: 'refused', outcome: refused(reason, message, [{ path, at: 'file', label: 'object', value }]) };
}

function searchName(name: string, objects: LoadedObjects, { kind, texts }: Surroundings): NamedLoading {
  const loading = objects.load(name, objects.main);
  if (loading.kind === 'loaded') {
    return loading;
  }
  if (loading.refused !== null) {
    const { path, reason } = loading.refused;
    return fails(path, reasonFor(reason), texts.refused(path, reason, null), reason);
  }
  const { object } = objects.main;
  const message = loading.otherClass
    ? texts.otherClass(name, object.platform.is64)
    : foretold(texts.absent(name, null), object, kind);
  const evidence = [{ path: name, at: 'search path', label: 'library', value: 'not found' }];
  return { kind: 'refused', outcome: refused('file-not-found', message, evidence, `to open a file: ./${name}`) };
}

function openPath(
  { name, place, inRoot }: NamedFile,
  objects: LoadedObjects,
  surroundings: Surroundings,
): NamedLoading {
  const { shelf, texts } = surroundings;
  const { platform } = objects.main.object;
  let opened: Opened;
  try {
    opened = inRoot === null ? shelf.openElsewhere(name, place, platform) : shelf.open(shelf.resolve(inRoot), platform);
  } catch (error) {
    if (error instanceof ElfgateError && error.code === 'unreadable') {
      return unread(name, error, texts);
    }
    throw error;
  }
  switch (opened.kind) {
    case 'absent':
      return inRoot !== null && leadsThroughFile(inRoot, shelf)
        ? fails(name, 'file-not-found', texts.unreadable(name, notDirectory), 'leads through a file')
        : fails(name, 'file-not-found', texts.absent(name, null), 'absent');
    case 'other-platform':
      return opened.otherClass
        ? fails(name, 'wrong-machine', texts.otherClass(name, platform.is64), 'the other word size')
        : fails(name, 'wrong-machine', texts.otherMachine(name), 'another processor');
    case 'refused':
      return fails(name, reasonFor(opened.reason), texts.refused(name, opened.reason, null), opened.reason);
    case 'object':
      return objects.loadFile(name, inRoot === null ? null : directoryOf(inRoot), opened.object);
  }
}

const notDirectory = 'Not a directory';

/** Whether something of a path that leads nowhere would have to be a directory, and is none. */
function leadsThroughFile(path: string, shelf: LibraryShelf): boolean {
  for (let slash = path.indexOf('/', 1); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const found = shelf.resolve(path.slice(0, slash));
    if (found !== null && found.kind !== 'directory') {
      return true;
    }
  }
  return false;
}

function unread(name: string, error: ElfgateError, texts: ErrorTexts): NamedLoading {
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  if (code === 'ENOENT') {
    return fails(name, 'file-not-found', texts.absent(name, null), 'absent');
  }
  if (code === 'ENOTDIR') {
    return fails(name, 'file-not-found', texts.unreadable(name, notDirectory), 'leads through a file');
  }
  const message = code === 'EACCES' ? texts.unreadable(name, 'Permission denied') : null;
  return fails(name, 'file-unreadable', message, error.message);
}

/** Which of the reasons stands behind a loader's own words. */
function reasonFor(words: string): DlopenReason {
  if (words === 'invalid ELF header' || words === 'file too short' || words === notOnPages) {
    return 'not-elf';
  }
  if (words.startsWith('cannot read file data')) {
    return 'file-unreadable';
  }
  return words.startsWith('ELF file') ? 'wrong-machine' : 'not-a-shared-object';
}

/**
 * The reason in glibc's message is that of the last file that it tried. Without the default directories that may be none,
 * and the reason what some earlier call has left.
 */
function foretold(absent: string, { noDefaultLibraries }: SharedObject, kind: 'glibc' | 'musl'): string | null {
  return noDefaultLibraries && kind === 'glibc' ? null : absent;
}

/** What dlopen says of a library that is not there, or that it refuses. */
export function lackOf(
  { name, neededBy, refused: found, otherClass }: MissingLibrary,
  { texts, kind, is64 }: { readonly texts: ErrorTexts; readonly kind: 'glibc' | 'musl'; readonly is64: boolean },
): Outcome {
  const needs = { path: neededBy.path, at: 'DT_NEEDED', label: 'needs', value: name };
  if (found !== null) {
    const message = texts.refused(kind === 'glibc' ? found.path : name, found.reason, neededBy.path);
    const refusal = { path: found.path, at: 'file', label: 'found and refused', value: found.reason };
    return refused('library-unusable', message, [needs, refusal]);
  }
  const message = otherClass
    ? texts.otherClass(name, is64)
    : foretold(texts.absent(name, neededBy.path), neededBy.object, kind);
  return refused('library-not-found', message, [needs], `add the package that holds ${name}`);
}
