import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { DT, PF, PT } from '../../binary/elf/names.ts';
import { placeName } from '../../binary/elf/place.ts';
import type { GoFile } from '../../binary/go/go-file.ts';
import { escapedPath, type PackageHashes } from '../../binary/go/package-hashes.ts';
import { isExportedIdentifier, type PluginExports } from '../../binary/go/plugin-exports.ts';
import { FormatError } from '../../errors.ts';
import { assertLoadable } from './assert-loadable.ts';
import { buildRecord, rebuildCommand, rebuildHostCommand } from './build-commands.ts';
import { type HostFile, type HostProcess, type HostRoot, startHost } from './host-process.ts';
import { type LoadedObject, unfindableExport } from './loaded-object.ts';
import { compareModuleData, overwritesBadMark } from './module-data.ts';
import { firstByteOfModuleData } from './module-registration.ts';
import { directoryOf, type GlobalScope, malformed, openLibrary } from './open-library.ts';
import { compareWithScope, type HashDifference } from './package-hashes.ts';
import { runtimeMessages } from './pair.ts';
import { machineFiles, type OpenableFiles, openPluginFile, type PluginFile } from './plugin-file.ts';
import { isUndecided, type OpenEvidence, type OpenPrediction, type OpenReason } from './prediction.ts';
import { referenceTo } from './symbol-reference.ts';

/** A host, and what plugin.Open has done to it so far. */
export interface PluginSequence {
  /** What the next call of plugin.Open does. */
  open(path: string): OpenPrediction;
}

type Verdict = Omit<OpenPrediction, 'plugin'>;
type OpenHost = Extract<HostProcess, { kind: 'open' }>;
type ObjectFile = Extract<PluginFile, { kind: 'object' }>;

/** A Go module in the list of the host's runtime. */
interface Module {
  readonly pluginPath: string;
  readonly file: ObjectFile;
  readonly object: LoadedObject;
  /** Given up by the runtime, and still mapped. */
  bad: boolean;
}

/**
 * Follows plugin.Open call by call (`plugin/plugin_dlopen.go`, open; `runtime/plugin.go`, plugin_lastmoduleinit):
 * realpath, the files that were opened before, dlopen, the last module of the list, its path, its package hashes, its
 * symbols.
 */
export function openPlugins(
  host: HostFile,
  root: HostRoot,
  close: (source: { close(): void }) => void,
): PluginSequence {
  return sequencesOf(host, { root, files: machineFiles, close })();
}

/** What surrounds a host: its root, the files that it is given, and who closes what was opened. */
export interface HostSurroundings {
  readonly root: HostRoot;
  readonly files: OpenableFiles;
  readonly close: (source: { close(): void }) => void;
}

/** Starts one host as often as it is asked to: each call is a new process, in which nothing was opened yet. */
export function sequencesOf(host: HostFile, surroundings: HostSurroundings): () => PluginSequence {
  const process = startHost(host, surroundings.root, surroundings.close);
  if (process.kind === 'closed') {
    const { outcome, reason, message, evidence, help } = process;
    return () => ({
      open: (plugin) => ({ plugin, outcome, reason, message, evidence, help, recoverable: outcome === 'fails' }),
    });
  }
  return () => new OpenSequence(host, process, surroundings);
}

class OpenSequence implements PluginSequence {
  readonly #host: HostFile;
  readonly #process: OpenHost;
  readonly #surroundings: HostSurroundings;
  #scope: GlobalScope;
  /** In the order of the list; the host's own module stands before them. */
  readonly #modules: Module[] = [];
  /** Devices and inodes of files that are mapped. */
  readonly #mapped = new Set<string>();
  /** By real path, as the `plugins` map of package plugin. */
  readonly #results = new Map<string, Verdict>();
  /** A plugin of another layout was appended where the host's runtime does not look: what follows is lost too. */
  #broken = false;
  /** What the process cannot do any more. */
  #ended: { readonly reason: OpenReason; readonly by: string } | null = null;
  /** A plugin whose effect on the process is not known. */
  #undecided: string | null = null;

  constructor(host: HostFile, process: OpenHost, surroundings: HostSurroundings) {
    this.#host = host;
    this.#process = process;
    this.#surroundings = surroundings;
    this.#scope = process.scope;
  }

  open(path: string): OpenPrediction {
    const verdict = this.#reliable(this.#verdict(path));
    if (verdict.outcome === 'crashes') {
      const reason =
        verdict.reason === 'module-data-fields' || verdict.reason === 'open-hangs' ? 'open-hangs' : 'process-ended';
      this.#ended ??= { reason, by: path };
    } else if (isUndecided(verdict.reason)) {
      this.#undecided ??= path;
    }
    return { plugin: path, ...verdict };
  }

  /** Nothing can be said about a plugin that comes after one whose effect on the process is not known. */
  #reliable(verdict: Verdict): Verdict {
    if (this.#undecided === null || isUndecided(verdict.reason)) {
      return verdict;
    }
    const evidence = [{ path: this.#undecided, at: 'file', label: 'earlier plugin', value: 'outcome not known' }];
    return failure('unknown-predecessor', null, [...evidence, ...verdict.evidence], verdict.help);
  }

  #verdict(path: string): Verdict {
    if (this.#ended !== null) {
      const { reason, by } = this.#ended;
      const value = reason === 'open-hangs' ? 'after it plugin.Open never returns' : 'ended the process';
      return {
        outcome: 'not-reached',
        reason,
        message: null,
        recoverable: false,
        evidence: [{ path: by, at: 'file', label: 'earlier plugin', value }],
        help: null,
      };
    }
    const file = openPluginFile(path, {
      host: this.#host.elf.header,
      dialect: this.#process.dialect,
      files: this.#surroundings.files,
      close: this.#surroundings.close,
    });
    if (file.kind === 'absent') {
      return failure('file-not-found', 'realpath failed', [], `ls -l ${path}`);
    }
    const before = this.#results.get(file.realPath);
    if (before !== undefined) {
      return again(before);
    }
    if (file.kind === 'malformed') {
      return failure('malformed', null, malformed(file.error, path).evidence, null);
    }
    if (file.kind === 'refused') {
      return failure(file.reason, file.message, [this.#machine()], null);
    }
    try {
      return this.#openObject(file);
    } catch (error) {
      // Tables are read when they are needed, of the plugin and of its libraries.
      if (error instanceof FormatError) {
        return failure('malformed', null, malformed(error, path).evidence, null);
      }
      throw error;
    }
  }

  #machine(): OpenEvidence {
    const { machine, encoding } = this.#host.elf.header;
    const value = `machine ${machine}, ${encoding.is64 ? 64 : 32}-bit, ${encoding.littleEndian ? 'little' : 'big'}-endian`;
    return { path: this.#host.path, at: 'ELF header', label: 'host', value };
  }

  #openObject(file: ObjectFile): Verdict {
    let object: LoadedObject | null = null;
    if (!this.#mapped.has(file.identity)) {
      const { finder, dialect, requester } = this.#process;
      const directory = this.#surroundings.root.inside(file.realPath);
      const opening = openLibrary(
        {
          name: file.realPath,
          hashes: file.go?.hashes ?? null,
          requester: {
            elf: file.elf,
            directory: directory === null ? null : directoryOf(directory),
            loadedBy: this.#process.linkage === 'static' ? null : requester,
          },
        },
        this.#scope,
        { finder, dialect },
      );
      if (opening.kind === 'refused') {
        return failure(
          opening.reason,
          opening.message,
          opening.evidence,
          fixOfLibrary(opening.reason, opening.evidence),
        );
      }
      assertLoadable(file.elf);
      object = opening.scope.objects[this.#scope.objects.length] ?? null;
      this.#mapped.add(file.identity);
      const verdict = this.#initialise(file, object);
      this.#scope = opening.scope;
      this.#results.set(file.realPath, verdict);
      return verdict;
    }
    // dlopen gives the object that is mapped already, and no module is added.
    const verdict = this.#unregistered('already-loaded', [
      { at: 'inode', label: 'plugin', value: `the same file is loaded under another name (${file.identity})` },
    ]);
    this.#results.set(file.realPath, verdict);
    return verdict;
  }

  /** What lastmoduleinit makes of an object that was mapped. The scope is still the one before it. */
  #initialise(file: ObjectFile, object: LoadedObject | null): Verdict {
    const registration = this.#registration(file);
    if ('reason' in registration && registration.kind === 'undecided') {
      return failure(registration.reason, null, registration.evidence, null);
    }
    if ('reason' in registration) {
      return this.#unregistered(registration.reason, registration.evidence, {
        help: this.#rebuild(registration.reason, file.go),
        secondRuntime: file.go !== null && file.go.hashes === null,
      });
    }
    const { plugin, hashes, evidence } = registration;
    const module: Module | null = object === null ? null : { pluginPath: plugin.path, file, object, bad: false };
    if (registration.kind === 'shifted') {
      return {
        outcome: 'crashes',
        reason: 'module-data-fields',
        message: runtimeMessages.nilDereference,
        recoverable: true,
        evidence,
        help: rebuildCommand(buildRecord(this.#host.go), buildRecord(file.go)),
      };
    }
    const twin = this.#modules.find(({ pluginPath, bad }) => pluginPath === plugin.path && !bad);
    const result =
      twin === undefined
        ? this.#compareHashes(file, plugin, hashes)
        : failure(
            'already-loaded',
            runtimeMessages.alreadyLoaded,
            [
              { at: 'plugin path', label: 'plugin', value: plugin.path },
              { path: twin.file.realPath, at: 'plugin path', label: 'loaded before', value: twin.pluginPath },
            ],
            'give each plugin a package of its own, or open one of the two files only',
          );
    if (module !== null) {
      // The runtime marks what it refuses; a plugin whose symbols are not found was taken in before they were looked up.
      module.bad = result.outcome === 'fails' && result.reason !== 'plugin-path-mismatch';
      this.#modules.push(module);
    }
    return result;
  }

  /** Whether and how the object's own initialiser puts its module at the end of the host's list. */
  #registration(file: ObjectFile):
    | {
        readonly kind: 'registered' | 'shifted';
        readonly plugin: PluginExports;
        readonly hashes: PackageHashes;
        readonly evidence: readonly OpenEvidence[];
      }
    | {
        readonly kind: 'unregistered' | 'undecided';
        readonly reason: OpenReason;
        readonly evidence: readonly OpenEvidence[];
      } {
    const { go, elf } = file;
    if (this.#process.linkage === 'static') {
      const evidence = [{ path: this.#host.path, at: 'program headers', label: 'host', value: 'no PT_INTERP' }];
      return { kind: 'unregistered', reason: 'host-static', evidence };
    }
    if (go === null || go.hashes === null) {
      const value = go === null ? 'no Go runtime' : 'a Go runtime of its own, no package hashes';
      return {
        kind: 'unregistered',
        reason: 'not-a-plugin',
        evidence: [{ at: 'dynamic symbols', label: 'plugin', value }],
      };
    }
    if (elf.dynamic?.flagNames.includes('SYMBOLIC')) {
      const evidence = [{ at: 'DT_FLAGS', label: 'plugin', value: 'SYMBOLIC' }];
      return { kind: 'unregistered', reason: 'bound-to-itself', evidence };
    }
    if (go.plugin === null) {
      const evidence = [{ at: 'dynamic symbols', label: 'plugin', value: 'package hashes, and no package main' }];
      return { kind: 'undecided', reason: 'unknown-plugin-path', evidence };
    }
    const [ours, theirs] = [this.#host.go, go].map((each) => ({
      goVersion: each?.version?.text ?? null,
      moduleDataBytes: each?.moduleDataBytes ?? null,
    }));
    const layout = ours === undefined || theirs === undefined ? 'unknown' : compareModuleData(ours, theirs);
    const evidence = [
      layoutEvidence('plugin', elf, go),
      { path: this.#host.path, ...layoutEvidence('host', this.#host.elf, this.#host.go) },
    ];
    if (layout === 'unknown') {
      return { kind: 'undecided', reason: 'unknown-layout', evidence };
    }
    if (this.#broken) {
      return { kind: 'unregistered', reason: layout === 'same' ? 'module-list-broken' : 'module-data-size', evidence };
    }
    if (layout === 'different-size') {
      this.#broken = true;
      const last = this.#modules.at(-1);
      if (last !== undefined && ours !== undefined && theirs !== undefined && overwritesBadMark(ours, theirs)) {
        const mark = firstByteOfModuleData(elf);
        if (mark === null) {
          return { kind: 'undecided', reason: 'unknown-layout', evidence };
        }
        last.bad = mark !== 0;
      }
      return { kind: 'unregistered', reason: 'module-data-size', evidence };
    }
    return { kind: layout === 'same' ? 'registered' : 'shifted', plugin: go.plugin, hashes: go.hashes, evidence };
  }

  /** The runtime finds no new module at the end of its list, and takes the one that is there. */
  #unregistered(
    reason: OpenReason,
    evidence: readonly OpenEvidence[],
    { help = null, secondRuntime = false }: { readonly help?: string | null; readonly secondRuntime?: boolean } = {},
  ): Verdict {
    const last = this.#modules.at(-1);
    // Next to the runtime of a static host, that of a C library written in Go may die before the call comes back.
    const message = reason === 'host-static' && secondRuntime ? null : runtimeMessages.noModuleData;
    return last === undefined || last.bad
      ? { outcome: 'crashes', reason, message, recoverable: false, evidence, help }
      : failure(reason, runtimeMessages.alreadyLoaded, evidence, help);
  }

  #rebuild(reason: OpenReason, go: GoFile | null): string | null {
    const [host, plugin] = [buildRecord(this.#host.go), buildRecord(go)];
    switch (reason) {
      case 'module-data-size':
        return rebuildCommand(host, plugin);
      case 'host-static':
        return host === null ? null : rebuildHostCommand(host, ['without -extldflags -static']);
      case 'bound-to-itself':
        return rebuildCommand(host, plugin, ['without -extldflags -Wl,-Bsymbolic']);
      case 'not-a-plugin':
        return rebuildCommand(host, plugin);
      default:
        return null;
    }
  }

  #compareHashes(file: ObjectFile, plugin: PluginExports, hashes: PackageHashes): Verdict {
    const { count, differences, shared } = compareWithScope(this.#scope.objects, hashes);
    const [first] = differences;
    if (first !== undefined) {
      const evidence = [
        ...differences.slice(0, listedDifferences).flatMap((difference) => this.#hashEvidence(difference)),
        { at: 'package hashes', label: 'differing', value: `${differences.length} of ${count} shared packages` },
      ];
      const model = this.#modules.find(({ object }) => object === first.owner)?.file.go ?? this.#host.go;
      const message = first.ordered ? runtimeMessages.differentPackage(first.plugin.package) : null;
      return failure(
        'package-hash-mismatch',
        message,
        evidence,
        rebuildCommand(buildRecord(model), buildRecord(file.go)),
      );
    }
    const contradiction = dynamicContradiction(file.elf) ?? this.#contradiction(hashes);
    if (contradiction !== null) {
      return failure('malformed', null, [contradiction], null);
    }
    const [name, ...names] = namesUnderAnotherPath(file, plugin);
    if (name !== undefined) {
      return this.#namesNotFound(file, plugin, [name, ...names]);
    }
    const failed = this.#modules.filter(({ bad, object }) => bad && shared.has(object));
    return {
      outcome: 'loads',
      reason: failed.length > 0 ? 'types-not-unified' : 'compatible',
      message: null,
      recoverable: true,
      evidence: [
        ...failed.flatMap(({ object, file: { realPath } }) =>
          (shared.get(object) ?? []).slice(0, listedDifferences).map((path) => ({
            path: realPath,
            at: hashes.byPackage.get(path)?.at ?? 'package hashes',
            label: 'failed plugin',
            value: `defines ${path} as well, whose types are not those of this plugin`,
          })),
        ),
        ...newerInstructions(this.#host.go, file),
        ...this.#presumptions(),
      ],
      help: failed.length > 0 ? 'open the plugins that load before the ones that fail, or remove those' : null,
    };
  }

  /**
   * The plugin's names do not stand under its plugin path. The runtime walks a map of them, so that of several names any
   * may be the one in the error: then there is no text to foretell.
   */
  #namesNotFound(
    { elf, go, realPath }: ObjectFile,
    { path }: PluginExports,
    names: readonly [ExportedName, ...ExportedName[]],
  ): Verdict {
    const listed = names.slice(0, listedDifferences).map(({ identifier, at }) => ({
      at: placeName(elf, at),
      label: 'symbol',
      value: `${go?.build?.path}.${identifier}`,
    }));
    const order = `which of the ${names.length} names the error holds differs from run to run`;
    const evidence = [
      { at: 'package hashes', label: 'plugin path', value: path },
      ...listed,
      ...(names.length > 1 ? [{ at: 'plugin.Open', label: 'order', value: order }] : []),
    ];
    const [{ identifier }] = names;
    const missing = this.#process.dialect.noSuchSymbol(realPath, `${escapedPath(path)}.${identifier}`);
    const message = names.length > 1 ? null : `could not find symbol ${identifier}: ${missing}`;
    const help = rebuildCommand(buildRecord(this.#host.go), buildRecord(go), ['without -ldflags=-pluginpath']);
    return failure('plugin-path-mismatch', message, evidence, help);
  }

  /** What `loads` rests upon beyond the files: that the host runs where it is meant to run. */
  #presumptions(): readonly OpenEvidence[] {
    return this.#process.libraries === 'read'
      ? []
      : [
          {
            path: this.#host.path,
            at: 'DT_NEEDED',
            label: 'presumed',
            value: `libraries not at hand: ${(this.#host.elf.dynamic?.needed ?? []).join(', ')}, as new as the host needs them`,
          },
        ];
  }

  /**
   * A package whose hash the runtime reads through a pointer that these files define, and whose bytes the symbols do not
   * show: what is not compared here would be compared there.
   */
  #contradiction(hashes: PackageHashes): OpenEvidence | null {
    const compared = new Set(hashes.checkOrder);
    for (const path of new Set([...compared, ...hashes.byPackage.keys()])) {
      if (!compared.has(path)) {
        return { at: 'relocations', label: 'plugin', value: `none for the hash of ${path}` };
      }
      if (!hashes.byPackage.has(path)) {
        return { at: 'dynamic symbols', label: 'plugin', value: `no hash for ${path}, which is compared` };
      }
      const owner = this.#scope.objects.find((object) => object.hashes?.byPackage.has(path) === true);
      const escaped = escapedPath(path);
      const definer = this.#scope.objects.find((object) =>
        // Go 1.20 renamed the linker's own symbols from `go.link.` to `go:link.`.
        ['go:link', 'go.link'].some(
          (prefix) => object.elf !== null && object.defines(referenceTo(`${prefix}.pkghash.${escaped}`)) === 'yes',
        ),
      );
      if (owner !== definer) {
        const value = `a pointer to a hash of ${path}, and no hash`;
        return { path: (definer ?? owner)?.name ?? path, at: 'dynamic symbols', label: 'loaded before', value };
      }
    }
    return null;
  }

  #hashEvidence({ plugin, runTime, owner }: HashDifference<LoadedObject>): readonly OpenEvidence[] {
    const isHost = owner === this.#process.object;
    return [
      { at: plugin.at, label: 'plugin', value: `${plugin.hash} ${plugin.package}` },
      {
        path: isHost ? this.#host.path : owner.name,
        at: runTime.at,
        label: isHost ? 'host' : 'earlier plugin',
        value: `${runTime.hash} ${runTime.package}`,
      },
    ];
  }
}

const initialisers = { function: 12, array: 25, arrayBytes: 27 } as const;

/**
 * Tags that lead nowhere or are missing, which the loader takes as they are: it would jump there, trip over an assertion,
 * or never call the module's initialiser.
 */
function dynamicContradiction(elf: ElfFile): OpenEvidence | null {
  const value = (tag: number): number | null => (elf.dynamic === null ? null : dynamicValue(elf.dynamic, tag));
  const [start, array, arrayBytes] = [
    value(initialisers.function),
    value(initialisers.array),
    value(initialisers.arrayBytes),
  ];
  const isCode = (address: number): boolean =>
    elf.segments.some(
      (segment) =>
        segment.type === PT.load &&
        (segment.flags & PF.execute) !== 0 &&
        address >= segment.address &&
        address < segment.address + segment.fileBytes,
    );
  if (start !== null && start !== 0 && !isCode(start)) {
    return { at: 'DT_INIT', label: 'plugin', value: `0x${start.toString(16)} is not code` };
  }
  const unfindable = unfindableExport(elf);
  if (unfindable !== null) {
    return { at: 'dynamic symbols', label: 'plugin', value: `${unfindable} is not where its hash leads` };
  }
  const entryBytes = value(DT.relaEntry);
  if (value(DT.rela) !== null && entryBytes !== 3 * elf.header.encoding.addressBytes) {
    return { at: 'DT_RELAENT', label: 'plugin', value: `relocations of ${entryBytes ?? 'no stated'} bytes` };
  }
  if (array === null || arrayBytes === null || arrayBytes === 0 || elf.memory.bytesFrom(array) < arrayBytes) {
    return { at: 'DT_INIT_ARRAY', label: 'plugin', value: 'no initialiser, which would register the module' };
  }
  return null;
}

// The hashes do not see which processor a package was compiled for (measured with GOAMD64).
const processorLevels = ['GOAMD64', 'GOARM64', 'GOPPC64', 'GORISCV64', 'GOARM', 'GO386', 'GOMIPS', 'GOMIPS64'];

function newerInstructions(host: GoFile | null, { go, elf }: ObjectFile): readonly OpenEvidence[] {
  const [ours, theirs] = [host, go].map((each) => new Map(each?.build?.settings ?? []));
  return processorLevels.flatMap((name) => {
    const [level, hostLevel] = [theirs?.get(name), ours?.get(name)];
    const at = go?.version == null ? 'build information' : placeName(elf, go.version.at);
    const value = `${name}=${level}, the host ${hostLevel}: SIGILL on a processor without its instructions`;
    return level === undefined || hostLevel === undefined || level === hostLevel
      ? []
      : [{ at, label: 'warning', value }];
  });
}

// One is named by the runtime; some more show the cause, all of them do not fit on a screen.
const listedDifferences = 6;

function failure(
  reason: OpenReason,
  message: string | null,
  evidence: readonly OpenEvidence[],
  help: string | null,
): Verdict {
  // What is not known may be a crash.
  return { outcome: 'fails', reason, message, recoverable: !isUndecided(reason), evidence, help };
}

/** The second plugin.Open of one path (`plugin/plugin_dlopen.go`, `plugins[filepath]`). */
function again(before: Verdict): Verdict {
  if (before.outcome === 'loads') {
    return { ...before, reason: 'already-open', evidence: [], help: null };
  }
  if (before.reason === 'plugin-path-mismatch') {
    // Its channel `loaded` is never closed, and no error was kept.
    return { ...before, outcome: 'crashes', reason: 'open-hangs', message: null, recoverable: false };
  }
  return isUndecided(before.reason)
    ? before
    : {
        ...before,
        reason: 'previous-failure',
        message: before.message === null ? null : `${before.message} (previous failure)`,
      };
}

function layoutEvidence(label: string, elf: ElfFile, go: GoFile | null): OpenEvidence {
  const at = go?.version == null ? 'runtime.firstmoduledata' : placeName(elf, go.version.at);
  const bytes = go?.moduleDataBytes ?? null;
  const size = bytes === null ? 'size not stated' : `${bytes} bytes`;
  return { at, label, value: `${go?.version?.text ?? 'toolchain not stated'}, module data of ${size}` };
}

interface ExportedName {
  readonly identifier: string;
  /** Offset of its symbol in the file, bytes. */
  readonly at: number;
}

/** Exported names that stand under the import path while the plugin path is another (-ldflags=-pluginpath), sorted. */
function namesUnderAnotherPath({ elf, go }: ObjectFile, plugin: PluginExports): readonly ExportedName[] {
  const importPath = go?.build?.path ?? null;
  const symbols = elf.dynamicSymbols;
  if (importPath === null || importPath === plugin.path || plugin.exports.length > 0 || symbols === null) {
    return [];
  }
  const prefix = `${escapedPath(importPath)}.`;
  const names: ExportedName[] = [];
  for (const index of symbols.exports) {
    const name = symbols.name(index);
    const identifier = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (isExportedIdentifier(identifier)) {
      names.push({ identifier, at: symbols.fileOffset(index) });
    }
  }
  return names.sort((left, right) => (left.identifier < right.identifier ? -1 : 1));
}

function fixOfLibrary(reason: OpenReason, [first]: readonly OpenEvidence[]): string | null {
  switch (reason) {
    case 'library-not-found':
      return `install ${first?.value ?? 'the library'}, or build with -ldflags "-extldflags -Wl,-rpath,DIR"`;
    case 'symbol-version-missing':
      return 'build the plugin on the oldest distribution that it is to run on';
    case 'unknown-processor':
      return `build the host with -ldflags "-extldflags -Wl,-z,${first?.value}" as well: where it starts, the plugin loads`;
    case 'unknown-libraries':
      return 'elfgate predict --root DIR …   (the root file system that the host runs in)';
    default:
      return null;
  }
}
