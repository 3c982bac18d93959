import { ElfFile } from '../../binary/elf/elf-file.ts';
import { isProgram } from '../../binary/elf/hardening.ts';
import { startsLikeElf } from '../../binary/elf/header.ts';
import { type GoFile, readGoFile } from '../../binary/go/go-file.ts';
import { identifyCLibrary } from '../../binary/libc/c-library.ts';
import { openFile } from '../../bytes/byte-source.ts';
import { ElfgateError, FormatError } from '../../errors.ts';
import type { FileTree } from '../../image/file-tree.ts';
import { interpreterInRoot, programOf } from '../interpreter.ts';
import { preloadNames } from '../library-closure/preload.ts';
import { buildRecord, rebuildHostCommand } from './build-commands.ts';
import { type LibraryFinder, type LoaderEnvironment, libraryFinder, type Requester } from './library-search.ts';
import { type LoadedObject, objectOf, presumedObject } from './loaded-object.ts';
import { dialectOf, type LoaderDialect } from './loader-dialect.ts';
import { type GlobalScope, mapWithNeeded, missingVersion } from './open-library.ts';
import type { OpenEvidence, OpenReason } from './prediction.ts';

/** The file of a host. */
export interface HostFile {
  readonly path: string;
  readonly elf: ElfFile;
  readonly go: GoFile | null;
}

/**
 * Reads a host.
 *
 * @throws ElfgateError `unreadable`, or `unsupported-format` for what is no program.
 * @throws FormatError naming the file.
 */
export function readHost(path: string, close: (source: { close(): void }) => void): HostFile {
  const file = openFile(path);
  close(file);
  if (!startsLikeElf(file.read(0, Math.min(4, file.size)))) {
    throw notAHost(path, 'not an ELF file');
  }
  try {
    const elf = new ElfFile(file);
    if (!isProgram(elf)) {
      throw notAHost(path, 'not a program');
    }
    return { path, elf, go: readGoFile(elf) };
  } catch (error) {
    throw error instanceof FormatError ? error.inFile(path) : error;
  }
}

function notAHost(path: string, sentence: string): ElfgateError {
  return new ElfgateError('unsupported-format', `${path}: ${sentence}, so that it opens no plugins`, {
    hint: 'name the program first and its plugins after it: elfgate predict ./server ./audit.so',
  });
}

/** How a host stands before the first plugin.Open. */
export type HostProcess =
  /** Every call ends the same way, whatever it is given. */
  | {
      readonly kind: 'closed';
      readonly outcome: 'fails' | 'not-reached';
      readonly reason: OpenReason;
      readonly message: string | null;
      readonly evidence: readonly OpenEvidence[];
      readonly help: string | null;
    }
  | {
      readonly kind: 'open';
      readonly linkage: 'dynamic' | 'static';
      readonly dialect: LoaderDialect;
      readonly finder: LibraryFinder;
      readonly scope: GlobalScope;
      /** The host in the scope. */
      readonly object: LoadedObject;
      readonly requester: Requester;
      /** Whether the libraries are those of the root, or presumed because none for the host's machine are at hand. */
      readonly libraries: 'read' | 'presumed';
    };

export interface HostRoot {
  readonly tree: FileTree;
  /** Whether the caller chose it: then a library that it lacks is missing, even where nothing else fits the host. */
  readonly chosen: boolean;
  /** Path inside the root of a file, or `null` for one outside. */
  readonly inside: (path: string) => string | null;
  /** Of the host's process. */
  readonly environment: LoaderEnvironment;
}

/** Starts a host as far as that can be done on paper. */
export function startHost(host: HostFile, root: HostRoot, close: (source: { close(): void }) => void): HostProcess {
  const { elf, go } = host;
  const refusal = cannotOpen(host);
  if (refusal !== null) {
    return refusal;
  }
  const dialect = dialectOf(elf.interpreter);
  const { tree, environment } = root;
  const { header, interpreter } = elf;
  const finder = libraryFinder({ root: tree, environment, host: header, interpreter, dialect, close });
  const directory = root.inside(host.path)?.replace(/\/?[^/]*$/, '') ?? null;
  const requester: Requester = { elf, directory, loadedBy: null };
  const name = host.path;
  const object = objectOf(elf, { name, askedAs: null, hashes: go?.hashes ?? null });
  const common = { kind: 'open' as const, dialect, requester, object };
  if (elf.interpreter === null) {
    return { ...common, finder, linkage: 'static', scope: { objects: [], places: new Map() }, libraries: 'read' };
  }
  const mapped = mapWithNeeded(
    { name, requester, hashes: go?.hashes ?? null },
    { objects: [], places: new Map() },
    { finder, dialect },
    preloadNames(environment.preload, dialect.kind === 'glibc' ? tree : null),
  );
  if (mapped.kind === 'mapped') {
    const scope = { objects: mapped.objects, places: mapped.places };
    const refused = dialect.kind === 'glibc' ? missingVersion(mapped.objects, scope) : null;
    const [first = object] = mapped.objects;
    return refused === null
      ? { ...common, object: first, finder, linkage: 'dynamic', scope, libraries: 'read' }
      : doesNotStart(refused);
  }
  const atHome = root.chosen || interpreterInRoot(programOf(elf), root.tree) === 'present';
  if (atHome && mapped.reason !== 'unknown-libraries') {
    return doesNotStart(mapped);
  }
  const scope = { objects: [object, ...presumedLibraries(elf)], places: new Map() };
  return { ...common, finder: withoutCertainAbsence(finder), linkage: 'dynamic', scope, libraries: 'presumed' };
}

function doesNotStart({
  message,
  evidence,
}: {
  readonly message: string | null;
  readonly evidence: readonly OpenEvidence[];
}): HostProcess {
  const told = message === null ? [] : [{ at: 'ld.so', label: 'host', value: message }];
  return {
    kind: 'closed',
    outcome: 'not-reached',
    reason: 'host-does-not-start',
    message: null,
    evidence: [...evidence, ...told],
    help: 'name the root file system that the host runs in: elfgate predict --root DIR …',
  };
}

function cannotOpen({ path, elf, go }: HostFile): HostProcess | null {
  const closed = (reason: OpenReason, message: string | null, evidence: OpenEvidence, help: string): HostProcess => ({
    kind: 'closed',
    outcome: 'fails',
    reason,
    message,
    evidence: [{ path, ...evidence }],
    help,
  });
  const otherHost = 'name the program that opens the plugins first';
  if (go === null) {
    const value = 'no Go runtime';
    return closed('host-without-plugin-package', null, { at: 'ELF header', label: 'host', value }, otherHost);
  }
  if (go.hashes !== null) {
    return null;
  }
  if (go.functions === null) {
    return closed('unknown-host', null, { at: 'file', label: 'host', value: 'no function table' }, otherHost);
  }
  if (!go.functions.has('plugin.Open')) {
    const evidence = { at: '.gopclntab', label: 'host', value: 'no function plugin.Open' };
    return closed('host-without-plugin-package', null, evidence, otherHost);
  }
  // Assembly of the runtime that is reached only from C, so that the linker keeps it only with runtime/cgo.
  if (!go.functions.has('_cgo_topofstack')) {
    const evidence = { at: '.gopclntab', label: 'host', value: 'no function _cgo_topofstack' };
    return closed('host-without-cgo', 'plugin: not implemented', evidence, rebuildHostCommand(buildRecord(go), []));
  }
  if (elf.interpreter !== null) {
    const evidence = { at: 'dynamic symbols', label: 'host', value: 'no package hashes' };
    return closed('unknown-host', null, evidence, otherHost);
  }
  if (identifyCLibrary(elf).kind === 'musl') {
    // musl's src/ldso/dlopen.c, which static programs get.
    const evidence = { at: 'program headers', label: 'host', value: 'no PT_INTERP, linked with musl' };
    const help = rebuildHostCommand(buildRecord(go), ['without -extldflags -static']);
    return closed('host-static', 'Dynamic loading not supported', evidence, help);
  }
  return null;
}

/** The libraries of a host that runs somewhere else; its loader is always one of them. */
function presumedLibraries(elf: ElfFile): readonly LoadedObject[] {
  const needed = elf.symbolVersions?.needed ?? [];
  const symbols = elf.dynamicSymbols;
  const imports = new Set(symbols?.imports.map((index) => symbols.name(index)));
  const loader = elf.interpreter?.replace(/^.*\//, '') ?? '';
  const all = new Set(needed.map(({ version }) => version));
  return [
    ...(elf.dynamic?.needed ?? []).map((name) => {
      const versions = needed.filter(({ library }) => library === name).map(({ version }) => version);
      return presumedObject(name, new Set(versions), imports);
    }),
    presumedObject(loader, all, imports),
  ];
}

function withoutCertainAbsence(finder: LibraryFinder): LibraryFinder {
  return {
    find(needed, requester) {
      const found = finder.find(needed, requester);
      return found.kind === 'missing' ? { kind: 'unknown' } : found;
    },
  };
}
