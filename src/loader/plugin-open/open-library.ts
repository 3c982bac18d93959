import type { PackageHashes } from '../../binary/go/package-hashes.ts';
import type { FormatError } from '../../errors.ts';
import type { LibraryFinder, Requester } from './library-search.ts';
import { type LoadedObject, objectOf, strongReferences } from './loaded-object.ts';
import type { LoaderDialect } from './loader-dialect.ts';
import type { OpenEvidence, OpenReason } from './prediction.ts';

/** The global scope of a process: what was loaded, in the order in which names are looked up. */
export interface GlobalScope {
  readonly objects: readonly LoadedObject[];
  /** Where the loader found each library, by place in the root, so that a second name finds the same one. */
  readonly places: ReadonlyMap<string, LoadedObject>;
}

/** What dlopen(RTLD_NOW | RTLD_GLOBAL) does. */
export type LibraryOpening =
  | { readonly kind: 'opened'; readonly scope: GlobalScope }
  | {
      readonly kind: 'refused';
      readonly reason: OpenReason;
      readonly message: string | null;
      readonly evidence: readonly OpenEvidence[];
    };

export interface OpeningObject {
  /** Path by which the loader knows it. */
  readonly name: string;
  readonly requester: Requester;
  readonly hashes: PackageHashes | null;
}

/**
 * Opens an object as dlopen does, in the order of glibc's dl_open_worker (`elf/dl-open.c`): map it and what it needs,
 * check versions, then bind. What fails leaves no trace in the scope.
 */
export function openLibrary(
  object: OpeningObject,
  scope: GlobalScope,
  loader: { readonly finder: LibraryFinder; readonly dialect: LoaderDialect },
): LibraryOpening {
  const mapped = mapWithNeeded(object, scope, loader);
  if (mapped.kind !== 'mapped') {
    return mapped;
  }
  const after: GlobalScope = {
    objects: [...scope.objects, ...mapped.objects],
    places: new Map([...scope.places, ...mapped.places]),
  };
  if (loader.dialect.kind === 'glibc') {
    const refusal = missingVersion(mapped.objects, after);
    if (refusal !== null) {
      return refusal;
    }
  }
  // glibc binds what was needed first, musl what was opened.
  const order = loader.dialect.kind === 'glibc' ? mapped.objects.toReversed() : mapped.objects;
  return undefinedSymbol(order, after, loader.dialect) ?? { kind: 'opened', scope: after };
}

type Refused = Extract<LibraryOpening, { kind: 'refused' }>;

function refused(reason: OpenReason, message: string | null, evidence: readonly OpenEvidence[]): Refused {
  return { kind: 'refused', reason, message, evidence };
}

/** Maps an object and, breadth first, what it needs and is not there yet. */
export function mapWithNeeded(
  object: OpeningObject,
  scope: GlobalScope,
  { finder, dialect }: { readonly finder: LibraryFinder; readonly dialect: LoaderDialect },
):
  | {
      readonly kind: 'mapped';
      readonly objects: readonly LoadedObject[];
      readonly places: ReadonlyMap<string, LoadedObject>;
    }
  | Refused {
  const first = objectOf(object.requester.elf, { name: object.name, askedAs: null, hashes: object.hashes });
  const objects = [first];
  const places = new Map<string, LoadedObject>();
  const requesters = [object.requester];
  // Breadth first: the list grows while it is walked.
  for (const [index, requester] of requesters.entries()) {
    const neededBy = objects[index] ?? first;
    for (const needed of requester.elf.dynamic?.needed ?? []) {
      if ([...scope.objects, ...objects].some(({ answersTo }) => answersTo.has(needed))) {
        continue;
      }
      const found = finder.find(needed, requester);
      const evidence = [{ path: neededBy.name, at: 'DT_NEEDED', label: 'needs', value: needed }];
      if (found.kind === 'found') {
        if (!scope.places.has(found.place) && !places.has(found.place)) {
          const library = objectOf(found.elf, { name: found.name, askedAs: needed, hashes: null });
          objects.push(library);
          places.set(found.place, library);
          requesters.push({ elf: found.elf, directory: directoryOf(found.place), loadedBy: requester });
        }
      } else if (found.kind === 'missing') {
        return refused('library-not-found', dialect.libraryNotFound(needed, neededBy.name), evidence);
      } else if (found.kind === 'refused') {
        return refused('library-unusable', found.message, evidence);
      } else if (found.kind === 'malformed') {
        return malformed(found.error, neededBy.name);
      } else {
        return refused('unknown-libraries', null, evidence);
      }
    }
  }
  return { kind: 'mapped', objects, places };
}

export function malformed(error: FormatError, file: string): Refused {
  return refused('malformed', null, [
    {
      path: error.path ?? file,
      at: `file+0x${error.offset.toString(16)}`,
      label: 'contradiction',
      value: error.sentence,
    },
  ]);
}

export function directoryOf(path: string): string {
  return path.replace(/^\//, '').slice(0, Math.max(0, path.replace(/^\//, '').lastIndexOf('/')));
}

/** The first version that a library lacks: glibc's _dl_check_map_versions (`elf/dl-version.c`). */
export function missingVersion(added: readonly LoadedObject[], scope: GlobalScope): Refused | null {
  for (const object of added) {
    for (const { library, version, weak } of object.elf?.symbolVersions?.needed ?? []) {
      const provider = scope.objects.find(({ answersTo }) => answersTo.has(library));
      const has = provider === undefined || weak ? 'yes' : provider.hasVersion(version);
      const evidence = [{ path: object.name, at: '.gnu.version_r', label: 'needs', value: `${version} of ${library}` }];
      if (has === 'no') {
        const message = `${provider?.name}: version \`${version}' not found (required by ${object.name})`;
        return refused('symbol-version-missing', message, evidence);
      }
      if (has === 'unknown') {
        return refused('unknown-libraries', null, evidence);
      }
    }
  }
  return null;
}

function undefinedSymbol(added: readonly LoadedObject[], scope: GlobalScope, dialect: LoaderDialect): Refused | null {
  let unknown: Refused | null = null;
  for (const object of added) {
    for (const reference of object.elf === null ? [] : strongReferences(object.elf)) {
      const wanted = dialect.kind === 'musl' ? { name: reference.name, version: null } : reference;
      const answers = scope.objects.map((candidate) =>
        candidate.elf === null && reference.library !== null && !candidate.answersTo.has(reference.library)
          ? 'no'
          : candidate.defines(wanted),
      );
      if (answers.includes('yes')) {
        continue;
      }
      const text = reference.version === null ? reference.name : `${reference.name}@${reference.version}`;
      const evidence = [{ path: object.name, at: 'dynamic symbols', label: 'needs', value: text }];
      if (!answers.includes('unknown')) {
        return refused('undefined-symbol', dialect.undefinedSymbol(object.name, reference), evidence);
      }
      unknown ??= refused('unknown-libraries', null, evidence);
    }
  }
  return unknown;
}
