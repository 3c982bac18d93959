/** What a command may touch of the process that it runs in; the parts of `process` by the same names. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  cwd(): string;
}

/** 0: nothing at or above the failing level; 1: findings; 2: could not decide. */
export type ExitCode = 0 | 1 | 2;
