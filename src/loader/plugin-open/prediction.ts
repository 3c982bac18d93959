/** What happens to one plugin when the host calls plugin.Open on it. */
export interface OpenPrediction {
  /** The path as it was given. */
  readonly plugin: string;
  /**
   * `loads`: a nil error. `fails`: an error. `crashes`: the process dies, panics or hangs. `not-reached`: the call never
   * comes about. Where {@link isUndecided} holds for the reason it says only that the plugin cannot be relied upon.
   */
  readonly outcome: 'loads' | 'fails' | 'crashes' | 'not-reached';
  readonly reason: OpenReason;
  /**
   * What Go prints: the error behind `plugin.Open("…"): `, or the fatal line. `null` when it loads, when nothing is
   * printed, or when the text cannot be told.
   */
  readonly message: string | null;
  /** Whether the host can go on: the call returned, or the panic can be recovered from. */
  readonly recoverable: boolean;
  readonly evidence: readonly OpenEvidence[];
  /** A command that mends it. */
  readonly help: string | null;
}

/** Something that can be looked up in a file, and what it says. */
export interface OpenEvidence {
  /** File that it was found in; absent for the plugin itself. */
  readonly path?: string;
  readonly at: string;
  readonly label: string;
  readonly value: string;
}

/** Why a prediction is what it is; a closed list, because programs switch over it. */
export type OpenReason = keyof typeof openReasons;

/** Every reason, with the sentence that explains it. */
export const openReasons = {
  // loads
  compatible: 'every check of the loader and of the Go runtime passes',
  'already-open': 'the same file was opened before; plugin.Open returns the same plugin again',
  'types-not-unified':
    'it loads, but types of packages that it shares with a plugin which failed before are not the same in both',
  // fails before the loader maps the file
  'host-without-cgo': 'the host was built without cgo; its plugin.Open is a stub',
  'host-without-plugin-package': 'the host does not import package plugin: there is no plugin.Open that it could call',
  'file-not-found': 'realpath(3) finds no such file',
  'previous-failure': 'the same file failed before; plugin.Open repeats the error',
  // fails in dlopen
  'not-elf': 'the file is no ELF file that the loader takes',
  'file-unreadable': 'the file cannot be opened or read',
  'wrong-machine': 'the file is for another processor, word size or byte order than the host',
  'not-a-shared-object': 'the file is a program or an object file, which dlopen refuses',
  'library-not-found': 'a library that the plugin needs is not in the search path',
  'library-unusable': 'a library that the plugin needs is found, but the loader refuses it',
  'symbol-version-missing': 'a library lacks a symbol version that the plugin needs',
  'undefined-symbol': 'nothing that is loaded defines a symbol that the plugin needs',
  'static-tls': 'musl gives no thread-local storage at a fixed place to what is opened while the program runs',
  // decided by the Go runtime
  'not-a-plugin': 'the file registers no Go module: a C library, or Go of another build mode',
  'module-data-size':
    "the runtimes of host and plugin link modules at different places: the host never sees the plugin's",
  'module-data-fields': "the plugin's module data has its fields at other places than the host's runtime expects",
  'bound-to-itself': 'linked with -Bsymbolic, the plugin registers its module with its own copy of the runtime',
  'host-static': "the host is static: the plugin's runtime is a second one, and the host never sees its module",
  'module-list-broken':
    'an earlier plugin of another toolchain broke the list of modules, so that no later one is found',
  'already-loaded': 'another file with the same plugin path was opened before',
  'package-hash-mismatch': 'a package was built differently in the plugin and in the host or an earlier plugin',
  'plugin-path-mismatch': 'the plugin path given with -pluginpath is not the prefix of its symbols',
  // the process
  'open-hangs': 'plugin.Open waits for a lock or a plugin that an earlier call left behind, for ever',
  'process-ended': 'an earlier plugin ended the process',
  'host-does-not-start': 'a library that the host itself needs is not in the root',
  // undecided: what happens cannot be told from what is known, and is therefore not called `loads`
  'unknown-host': 'whether the host can open plugins cannot be read from it',
  'unknown-layout': 'how one of the Go releases lays out its module data was never measured',
  'unknown-plugin-path': 'the plugin path cannot be read from the file',
  'unknown-processor':
    'it loads on processors that have the instructions it is marked for, which the host does not ask for',
  'unknown-loader':
    'releases of the C library treat something in this file differently, or space decides that is not known',
  'unknown-predecessor': 'what became of an earlier plugin is not known, and this one depends on it',
  'unknown-libraries': 'libraries that decide about it are not at hand; name their root with --root',
  malformed: 'bytes of the file contradict its format; what the loader makes of it cannot be told',
} as const;

const undecided: ReadonlySet<OpenReason> = new Set([
  'unknown-host',
  'unknown-predecessor',
  'unknown-processor',
  'unknown-loader',
  'unknown-layout',
  'unknown-plugin-path',
  'unknown-libraries',
  'malformed',
]);

/** Whether a reason means that the outcome is not known: it stands with `fails`, because it must not stand with `loads`. */
export function isUndecided(reason: OpenReason): boolean {
  return undecided.has(reason);
}
