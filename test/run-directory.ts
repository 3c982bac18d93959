import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A place for the temporary files of one run, which go with it, also those of tests that were ended. */
export interface RunDirectory {
  /** The environment in which a program makes its temporary files there. */
  readonly environment: NodeJS.ProcessEnv;
  remove(): void;
}

export function runDirectory(): RunDirectory {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-run-'));
  return {
    environment: { ...process.env, TMPDIR: directory },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
