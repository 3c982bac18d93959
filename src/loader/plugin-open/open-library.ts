import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { isProgram } from '../../binary/elf/hardening.ts';
import { DT, PF, PT } from '../../binary/elf/names.ts';
import { placeName } from '../../binary/elf/place.ts';
import type { PackageHashes } from '../../binary/go/package-hashes.ts';
import type { FormatError } from '../../errors.ts';
import { firstAboveLevel } from '../processor-level.ts';
import type { FoundLibrary, LibraryFinder, Requester } from './library-search.ts';
import { type LoadedObject, objectOf, strongReferences } from './loaded-object.ts';
import type { LoaderDialect } from './loader-dialect.ts';
import type { OpenEvidence, OpenReason } from './prediction.ts';
import { referenceTo, SymbolReference } from './symbol-reference.ts';

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
  return (
    undefinedSymbol(order, after, loader.dialect) ??
    withoutPlaceForThreads(mapped.objects, scope, loader.dialect) ??
    dependsOnRelease(mapped.objects, scope, loader.dialect) ??
    dependsOnProcessor(mapped.objects, scope, loader.dialect) ?? { kind: 'opened', scope: after }
  );
}

type Refused = Extract<LibraryOpening, { kind: 'refused' }>;

function refused(reason: OpenReason, message: string | null, evidence: readonly OpenEvidence[]): Refused {
  return { kind: 'refused', reason, message, evidence };
}

/**
 * Maps an object and, breadth first, what it needs and is not there yet.
 *
 * @param preload what comes right after the object: the loader says which of it is not there, and goes on.
 */
export function mapWithNeeded(
  object: OpeningObject,
  scope: GlobalScope,
  { finder, dialect }: { readonly finder: LibraryFinder; readonly dialect: LoaderDialect },
  preload: readonly string[] = [],
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
  const add = ({ elf, name, place }: FoundLibrary, asked: string, loadedBy: Requester): void => {
    if (!scope.places.has(place) && !places.has(place)) {
      const library = objectOf(elf, { name, askedAs: asked, hashes: null });
      objects.push(library);
      places.set(place, library);
      requesters.push({ elf, directory: directoryOf(place), loadedBy });
    }
  };
  for (const name of preload) {
    const found = finder.find(name, object.requester);
    if (found.kind === 'found') {
      add(found, name, object.requester);
    } else if (found.kind === 'malformed') {
      return malformed(found.error, first.name);
    } else if (found.kind === 'unknown') {
      return refused('unknown-libraries', null, [{ path: first.name, at: 'LD_PRELOAD', label: 'loads', value: name }]);
    }
  }
  // Breadth first: the list grows while it is walked.
  for (const [index, requester] of requesters.entries()) {
    const neededBy = objects[index] ?? first;
    for (const { name: needed, tag, optional } of wantedBy(requester.elf, dialect)) {
      if ([...scope.objects, ...objects].some(({ answersTo }) => answersTo.has(needed))) {
        continue;
      }
      const found = finder.find(needed, requester);
      const evidence = [{ path: neededBy.name, at: tag, label: 'needs', value: needed }];
      if (found.kind === 'found') {
        add(found, needed, requester);
      } else if (optional && found.kind !== 'unknown') {
        // glibc goes on without it, whatever is wrong with it.
      } else if (found.kind === 'missing') {
        const message = found.tried ? dialect.libraryNotFound(needed, neededBy.name) : null;
        return refused('library-not-found', message, evidence);
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

interface WantedLibrary {
  readonly name: string;
  readonly tag: 'DT_NEEDED' | 'DT_FILTER' | 'DT_AUXILIARY';
  readonly optional: boolean;
}

/** Libraries that an object asks for, in its order. Filters are loaded as if they were needed (glibc `elf/dl-deps.c`); musl knows none. */
function wantedBy({ dynamic }: ElfFile, { kind }: LoaderDialect): readonly WantedLibrary[] {
  const wanted: WantedLibrary[] = [];
  for (const { tag, value } of dynamic?.entries ?? []) {
    const named = tag === DT.needed || kind === 'glibc' ? askingTags.get(tag) : undefined;
    if (named !== undefined && dynamic !== null) {
      wanted.push({ name: dynamic.strings.at(value), tag: named, optional: tag === DT.auxiliary });
    }
  }
  return wanted;
}

const askingTags: ReadonlyMap<number, WantedLibrary['tag']> = new Map([
  [DT.needed, 'DT_NEEDED'],
  [DT.filter, 'DT_FILTER'],
  [DT.auxiliary, 'DT_AUXILIARY'],
]);

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
    for (const { library, version, hash, weak } of object.elf?.symbolVersions?.needed ?? []) {
      const provider = scope.objects.find(({ answersTo }) => answersTo.has(library));
      // glibc compares the hash first, whatever the name is (dl-version.c, match_symbol).
      const isHash = hash === referenceTo(version).systemVHash;
      const has = provider === undefined || weak ? 'yes' : isHash ? provider.hasVersion(version) : 'no';
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
    for (const { reference, library, at: offset } of object.elf === null ? [] : strongReferences(object.elf)) {
      const { bytes, start, end } = reference;
      const wanted = dialect.kind === 'musl' ? new SymbolReference(bytes, start, end, null) : reference;
      const answer = answerOf(scope, wanted, library);
      if (answer === 'yes' || (answer === 'without-version' && dialect.kind === 'musl')) {
        continue;
      }
      const text = reference.version === null ? reference.name : `${reference.name}@${reference.version}`;
      const at = object.elf === null ? 'dynamic symbols' : placeName(object.elf, offset);
      const evidence = [{ path: object.name, at, label: 'needs', value: text }];
      if (answer === 'without-version') {
        return refused('symbol-version-missing', null, evidence);
      }
      if (answer === 'no') {
        return refused('undefined-symbol', dialect.undefinedSymbol(object.name, reference), evidence);
      }
      unknown ??= refused('unknown-libraries', null, evidence);
    }
  }
  return unknown;
}

/**
 * Whether the scope defines a symbol. `without-version`: it binds to the library that its version belongs to, and that has no
 * versions at all, which trips an assertion of glibc (`elf/dl-lookup.c`, check_match).
 */
function answerOf(
  scope: GlobalScope,
  wanted: SymbolReference,
  library: string | null,
): 'yes' | 'no' | 'unknown' | 'without-version' {
  let unknown = false;
  for (const candidate of scope.objects) {
    // Of a library that is only presumed, nothing is known but what its name promises.
    const answer =
      candidate.elf === null && library !== null && !candidate.answersTo.has(library)
        ? 'no'
        : candidate.defines(wanted);
    if (answer === 'yes') {
      const dynamic = library !== null && candidate.answersTo.has(library) ? (candidate.elf?.dynamic ?? null) : null;
      return dynamic !== null && dynamicValue(dynamic, DT.versionSymbols) === null ? 'without-version' : 'yes';
    }
    unknown ||= answer === 'unknown';
  }
  return unknown ? 'unknown' : 'no';
}

// DF_STATIC_TLS
const staticThreadStorage = 0x10;
// Bytes. glibc keeps 1,664 for all that is opened while the program runs, part of it for its own modules
// (`sysdeps/generic/dl-tls.c`, GLRO(dl_tls_static_surplus)).
const certainSurplus = 512;

/**
 * Thread-local storage at a fixed distance from the thread pointer is given out when the program starts; glibc keeps a
 * little for later, musl nothing. Go plugins ask for it and do not need it: they use the host's `runtime.tlsg`.
 */
function withoutPlaceForThreads(
  added: readonly LoadedObject[],
  scope: GlobalScope,
  dialect: LoaderDialect,
): Refused | null {
  for (const { elf, name } of added) {
    const bytes = elf?.segments.find(({ type }) => type === PT.tls)?.memoryBytes ?? 0;
    if (elf === null || bytes === 0 || ((elf.dynamic?.flags ?? 0) & staticThreadStorage) === 0) {
      continue;
    }
    const variables = threadVariables(elf);
    const own = variables.filter((variable) =>
      scope.objects.every((object) => object.defines(referenceTo(variable)) !== 'yes'),
    );
    if (variables.length > 0 && own.length === 0) {
      continue;
    }
    const evidence = [{ path: name, at: 'PT_TLS', label: 'needs', value: `${bytes} bytes at a fixed place` }];
    if (dialect.kind === 'musl') {
      const [first] = own;
      const message =
        first === undefined
          ? null
          : `Error relocating ${name}: ${first}: initial-exec TLS resolves to dynamic definition in ${name}`;
      return refused('static-tls', message, evidence);
    }
    if (bytes > certainSurplus) {
      return refused('unknown-loader', null, evidence);
    }
  }
  return null;
}

function threadVariables({ dynamicSymbols: symbols }: ElfFile): readonly string[] {
  return symbols?.definitions.threadLocal.map((index) => symbols.name(index)) ?? [];
}

function dependsOnProcessor(
  added: readonly LoadedObject[],
  { objects }: GlobalScope,
  { kind }: LoaderDialect,
): Refused | null {
  const above =
    kind === 'glibc' ? firstAboveLevel(added, objects, ({ elf }, ask) => (elf === null ? null : ask(elf))) : null;
  return above === null
    ? null
    : refused('unknown-processor', null, [
        { path: above.item.name, at: '.note.gnu.property', label: 'needs', value: above.level },
      ]);
}

// musl relocates DT_RELR since 1.2.4 and never IRELATIVE, which programs of glibc hold. glibc refuses since 2.41 (its
// NEWS) what asks for an executable stack, unless the program has one already.
function dependsOnRelease(added: readonly LoadedObject[], scope: GlobalScope, dialect: LoaderDialect): Refused | null {
  const depends = (object: LoadedObject, at: string, value: string): Refused =>
    refused('unknown-loader', null, [{ path: object.name, at, label: 'needs', value }]);
  const [first] = scope.objects;
  const refusesStacks =
    !scope.objects.some((object) => object.answersTo.has('libc.so.6') && object.hasVersion('GLIBC_2.41') === 'no') &&
    (first?.elf == null || !wantsExecutableStack(first.elf));
  for (const object of added) {
    const { elf } = object;
    if (elf === null) {
      continue;
    }
    if (dialect.kind === 'glibc' && refusesStacks && wantsExecutableStack(elf)) {
      return depends(object, 'PT_GNU_STACK', 'an executable stack, which glibc refuses since 2.41');
    }
    if (dialect.kind === 'musl' && elf.dynamic !== null && dynamicValue(elf.dynamic, DT.relr) !== null) {
      return depends(object, 'DT_RELR', 'musl 1.2.4');
    }
    if (dialect.kind === 'musl' && isProgram(elf)) {
      return depends(object, 'ELF header', 'to be a library: it is a program');
    }
  }
  return null;
}

// Where nothing is said the stack is executable (glibc, DEFAULT_STACK_PERMS) on most processors.
function wantsExecutableStack(elf: ElfFile): boolean {
  const stack = elf.segments.find(({ type }) => type === PT.gnuStack);
  return stack === undefined || (stack.flags & PF.execute) !== 0;
}
