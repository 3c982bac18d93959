import { bindSymbols } from './binding.ts';
import { type LibraryClosure, type LibraryOptions, type Member, resolveLibraries } from './closure.ts';
import { neededCycles } from './cycles.ts';
import type { LibraryShelf } from './library-shelf.ts';
import { type NamedFile, openMainObject } from './main-object.ts';
import type { VersionError } from './versions.ts';

/** What `elfgate resolve` states about one file; the shape is part of the contract with other programs. */
export interface Resolution {
  readonly file: string;
  /**
   * Whether the loader would start it with every strong reference bound. Also false where an element of a search path
   * depends on where the process is started: a library found there would come before the one that was found.
   */
  readonly complete: boolean;
  /** `null` for static programs, which no loader takes part in. */
  readonly loader: {
    readonly kind: 'glibc' | 'musl';
    /** `null` when the root holds none for this file. */
    readonly path: string | null;
  } | null;
  /** PT_INTERP, and whether the root holds it; `null` for libraries and static programs. */
  readonly interpreter: { readonly path: string; readonly found: boolean } | null;
  /** In load order. `neededBy` is the file itself as named, or the path of a library. */
  readonly libraries: readonly { readonly name: string; readonly path: string; readonly neededBy: string }[];
  readonly missing: readonly {
    readonly name: string;
    readonly neededBy: string;
    /** The loader goes on without it. */
    readonly optional: boolean;
    /** A file of that name that the loader refuses, and its reason; `null` when there is none. */
    readonly refused: { readonly path: string; readonly reason: string } | null;
  }[];
  readonly unresolved: readonly {
    readonly symbol: string;
    readonly version: string | null;
    readonly neededBy: string;
    /** Stays zero without a failure. */
    readonly weak: boolean;
    /** Fails when it is first called and not when the program starts. */
    readonly lazy: boolean;
    /** The needed library that its version belongs to; `null` without a version. */
    readonly library: string | null;
  }[];
  readonly versionErrors: readonly {
    readonly library: string;
    readonly version: string;
    readonly neededBy: string;
    /** Path of the library that lacks it. */
    readonly provider: string | null;
    readonly kind: VersionError['kind'];
  }[];
  /** Groups of objects that need each other, by the names that they are asked for. */
  readonly cycles: readonly (readonly string[])[];
  readonly ignoredPreloads: readonly string[];
  /** Elements of search paths that depend on where the process is started, and were not looked at. */
  readonly unsearched: readonly { readonly entry: string; readonly of: string | null }[];
}

/**
 * The closure of one file in a root, its bindings and its cycles.
 *
 * @throws FormatError when the file, or a library that would be loaded with it, contradicts the format.
 * @throws ElfgateError `unreadable`, `unsupported-format` or `limit`
 */
export function resolveFile(file: NamedFile, shelf: LibraryShelf, options: LibraryOptions): Resolution {
  const main = openMainObject(file, shelf);
  const { interpreter } = main.object;
  // A static program that can be loaded anywhere has a dynamic section too, with which it relocates itself.
  const relocatesItself = main.object.isPieProgram && interpreter === null && main.object.needed.length === 0;
  if (!main.object.dynamic || relocatesItself) {
    return { ...nothing, file: file.name };
  }
  const closure = resolveLibraries(main, shelf, options);
  const { unresolved, versionErrors } = bindSymbols(closure, shelf);
  return {
    file: file.name,
    complete:
      closure.interpreterFound !== false &&
      closure.missing.every(({ optional }) => optional) &&
      !unresolved.some(({ weak }) => !weak) &&
      !versionErrors.some(({ kind }) => kind === 'absent') &&
      closure.unsearched.length === 0,
    loader: { kind: closure.linker.kind, path: closure.linker.path },
    interpreter: interpreter === null ? null : { path: interpreter, found: closure.interpreterFound === true },
    libraries: closure.members
      .filter(({ neededBy }) => neededBy !== null)
      .map((member) => ({ name: member.name, path: member.path, neededBy: labelOf(member.neededBy ?? member) })),
    missing: missingOf(closure, interpreter, file),
    unresolved: unresolved.map(({ symbol, version, neededBy, weak, lazy, library }) => ({
      symbol,
      version,
      neededBy: labelOf(neededBy),
      weak,
      lazy,
      library,
    })),
    versionErrors: versionErrors.map((error) => ({
      library: error.library,
      version: error.version,
      neededBy: labelOf(error.neededBy),
      provider: error.provider?.path ?? null,
      kind: error.kind,
    })),
    cycles: neededCycles(closure.members).map((group) => group.map(({ name }) => name)),
    ignoredPreloads: closure.ignoredPreloads,
    unsearched: closure.unsearched,
  };
}

const nothing: Omit<Resolution, 'file'> = {
  complete: true,
  loader: null,
  interpreter: null,
  libraries: [],
  missing: [],
  unresolved: [],
  versionErrors: [],
  cycles: [],
  ignoredPreloads: [],
  unsearched: [],
};

function missingOf(closure: LibraryClosure, interpreter: string | null, file: NamedFile): Resolution['missing'] {
  const libraries = closure.missing.map(({ name, neededBy, optional, refused }) => ({
    name,
    neededBy: labelOf(neededBy),
    optional,
    refused,
  }));
  return interpreter !== null && closure.interpreterFound === false
    ? [{ name: interpreter, neededBy: file.name, optional: false, refused: null }, ...libraries]
    : libraries;
}

/** How others name a member: the file as the caller wrote it, a library by its path. */
function labelOf(member: Member): string {
  return member.neededBy === null ? member.name : member.path;
}
