/** What happens to one object when a program calls dlopen on it. */
export interface DlopenPrediction {
  /** The path or name as it was given. */
  readonly plugin: string;
  /**
   * `loads`: a handle. `fails`: NULL, and dlerror() says why. `crashes`: the process dies inside dlopen. `not-reached`:
   * the call never comes about. Where {@link isUndecided} holds for the reason it says only that the object cannot be
   * relied upon.
   */
  readonly outcome: 'loads' | 'fails' | 'crashes' | 'not-reached';
  readonly reason: DlopenReason;
  /** What dlerror() returns, or the line that the loader dies with. `null` when it loads or the text cannot be told. */
  readonly message: string | null;
  /** Whether the program can go on. */
  readonly recoverable: boolean;
  readonly evidence: readonly DlopenEvidence[];
  /** What mends it. */
  readonly help: string | null;
  /** Functions that stay undefined under lazy binding: whoever calls one ends the process. */
  readonly unboundCalls: UnboundCalls;
  /** Objects that run code of their own before dlopen returns. What that code does is not predicted. */
  readonly initialisers: readonly string[];
}

export interface UnboundCalls {
  /** How many there are in all objects that this call brought in. */
  readonly count: number;
  /** The first of them. */
  readonly symbols: readonly {
    readonly symbol: string;
    readonly version: string | null;
    /** The object that calls it. */
    readonly object: string;
    /** What the loader prints before the process exits with code 127; `null` for musl, where the call is to address 0. */
    readonly message: string | null;
  }[];
}

/** Something that can be looked up in a file, and what it says. */
export interface DlopenEvidence {
  readonly path: string;
  readonly at: string;
  readonly label: string;
  readonly value: string;
}

/** Why a prediction is what it is; a closed list, because programs switch over it. */
export type DlopenReason = keyof typeof dlopenReasons;

/** Every reason, with the sentence that explains it. */
export const dlopenReasons = {
  // loads
  compatible: 'libraries, versions and symbols are all there',
  'already-open': 'the same object is in the process already; dlopen returns it again',
  // fails
  'file-not-found': 'there is no such file, or no library of that name in the search path',
  'file-unreadable': 'the file cannot be opened or read',
  'not-elf': 'the file is no ELF file that the loader takes',
  'wrong-machine': 'the file is for another processor, word size or byte order than the program',
  'not-a-shared-object': 'the file is a program, an object file or debug information, which dlopen refuses',
  'library-not-found': 'a library that the object needs is not in the search path',
  'library-unusable': 'a library that the object needs is found, but the loader refuses it',
  'symbol-version-missing': 'a library lacks a symbol version that the object needs',
  'undefined-symbol': 'nothing in the scope of the object defines a symbol that it needs',
  'static-tls': 'there is too little room left for thread-local storage at a fixed place',
  'executable-stack': 'the object asks for an executable stack, which glibc refuses since 2.41',
  'host-static': 'musl gives static programs a dlopen that always fails',
  // crashes
  'version-without-library':
    'the object asks for versions of a library that it does not need, or that has none; the loader gives up',
  // the process
  'process-ended': 'an earlier call ended the process',
  'host-does-not-start': 'the program itself lacks a library, version or symbol',
  // undecided: what happens cannot be told from what is known, and is therefore not called `loads`
  'unknown-host': 'a static program brings its own loader, whose release decides',
  'unknown-processor':
    'it loads on processors that have the instructions it is marked for, which nothing in the process asks for',
  'unknown-loader': 'releases of the C library treat something in this file differently',
  'unknown-libraries': 'a search path depends on where the process is started',
  'unknown-initialiser': 'code that runs while it is loaded may call a function that nothing defines',
  malformed: 'bytes of the file contradict its format; what the loader makes of it cannot be told',
} as const;

const undecided: ReadonlySet<DlopenReason> = new Set([
  'unknown-host',
  'unknown-processor',
  'unknown-loader',
  'unknown-libraries',
  'unknown-initialiser',
  'malformed',
]);

/** Whether a reason means that the outcome is not known: it stands with `fails`, because it must not stand with `loads`. */
export function isUndecided(reason: DlopenReason): boolean {
  return undecided.has(reason);
}
