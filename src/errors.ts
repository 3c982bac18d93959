/**
 * The one family of errors that elfgate throws on purpose.
 *
 * An error means: what the caller asked for cannot be decided. A fact that a file does not state is no
 * error; it is `null` in the facts document.
 */

/** Every way in which elfgate can fail to decide. A closed list: other programs may switch over it. */
export type ErrorCode =
  /** The command line or an option's value makes no sense. */
  | 'usage'
  /** A file, directory or stream could not be read; `cause` holds the system's error. */
  | 'unreadable'
  /** Bytes do not follow the format that they claim; the message names path and offset. */
  | 'malformed'
  /** The file is of no format that elfgate reads. */
  | 'unsupported-format'
  /** `elfgate.yaml` is not valid; the message names file, line and column. */
  | 'configuration'
  /** A policy does not compile, lacks a built-in, or its compiled form is damaged. */
  | 'policy'
  /** Evaluating a policy failed or went past its limits. */
  | 'evaluation'
  /** A bound of `limits.ts` was reached. */
  | 'limit'
  /** A program or library that this step needs is not on the machine. */
  | 'missing-tool'
  /** A registry, layout or archive holds no such image, tag, platform or content. */
  | 'not-found'
  /** A registry or service wants other credentials, or does not allow this with the given ones. */
  | 'denied'
  /** A registry or service does not answer, not in time, or not sensibly; a later try may succeed. */
  | 'unreachable'
  /** Bytes are not those that their digest or size promised. */
  | 'integrity'
  /** Two verifiers of the same signatures come to different answers: neither is believed. */
  | 'disagreement';

export interface ErrorDetails {
  /** What the reader can do about it: one sentence or one command. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An error with a closed code, one sentence, a hint and a cause. */
export class ElfgateError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'ElfgateError';
    this.code = code;
    this.hint = details.hint ?? null;
  }
}

/**
 * Bytes that contradict their own format.
 *
 * The message reads `PATH: offset 0xOFFSET: SENTENCE`; readers that do not know the path leave it to
 * {@link FormatError.inFile}, which the one place that opened the file calls.
 */
export class FormatError extends ElfgateError {
  /** Distance from the start of the file, in bytes. */
  readonly offset: number;
  /** The sentence alone, without path and offset. */
  readonly sentence: string;
  readonly path: string | null;

  constructor(offset: number, sentence: string, path: string | null = null) {
    const place = `offset 0x${Math.max(0, offset).toString(16)}`;
    super('malformed', path === null ? `${place}: ${sentence}` : `${path}: ${place}: ${sentence}`, {
      hint: 'the file is damaged or was made to mislead its readers; readelf -a shows what another reader makes of it',
    });
    this.name = 'FormatError';
    this.offset = offset;
    this.sentence = sentence;
    this.path = path;
  }

  /** The same error, naming the file it was found in. */
  inFile(path: string): FormatError {
    return this.path === null ? new FormatError(this.offset, this.sentence, path) : this;
  }
}

/**
 * Bytes that were not kept when the rest of an image was given back. Nothing is wrong with them, so that it is no
 * {@link ElfgateError}, which readers take for damage: whatever depends on them is not known.
 */
export class NotKeptError extends Error {
  /** @param path of the file or directory, in its root. */
  constructor(path: string) {
    super(`${path}: was not kept`);
    this.name = 'NotKeptError';
  }
}

/** The answer of a reading; `null` for what contradicts its format or cannot be read, where that is said elsewhere. */
export function unlessDamaged<Answer>(read: () => Answer): Answer | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ElfgateError) {
      return null;
    }
    throw error;
  }
}
