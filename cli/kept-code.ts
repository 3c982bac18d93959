import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** A CommonJS file that was loaded. */
export interface LoadedProgram {
  readonly exports: unknown;
  /** Keeps the code of all that was called until now, unless it was kept after two runs of the same use. */
  keep(): void;
}

// Each use adds its functions to the code, which every run reads.
const mostUses = 64;

// The first run of a use stores what the second finds, and so they call different functions.
const runsOfAUse = 2;

/**
 * Loads a CommonJS file with the code that V8 made of it in earlier runs.
 *
 * Node's own compile cache holds what V8 compiles when it loads a file. Functions are compiled when they are called first,
 * and that again in every run: 40 of the 140 milliseconds in which one file is checked. So the code is kept after a run,
 * when it holds the functions that were called. What is kept is used for exactly the bytes that it was made of; V8
 * refuses that of another version of itself.
 *
 * @param file nothing but ASCII, which takes half the memory of other texts.
 * @param kept the file that code is kept in.
 * @param use tells runs apart that call other functions.
 */
export function loadProgram(file: string, kept: string, use: string): LoadedProgram {
  const source = readFileSync(file);
  const program = sha256(source);
  const known = readKept(kept, program);
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${source.toString('latin1')}\n})`,
    { filename: file, ...(known === null ? {} : { cachedData: known.code }) },
  );
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  const uses = known === null || script.cachedDataRejected === true ? [] : known.uses;
  const digest = sha256(Buffer.from(use)).slice(0, 16);
  return {
    exports: module.exports,
    keep() {
      if (uses.length < mostUses && uses.filter((known) => known === digest).length < runsOfAUse) {
        writeKept(kept, program, [...uses, digest], () => script.createCachedData());
      }
    },
  };
}

interface KeptCode {
  /** Digests of the uses whose runs called its functions. */
  readonly uses: readonly string[];
  readonly code: Buffer;
}

/** Null where nothing is kept that was made of these very bytes, and is whole. */
function readKept(path: string, program: string): KeptCode | null {
  try {
    const bytes = readFileSync(path);
    const end = bytes.indexOf('\n');
    const head = JSON.parse(bytes.toString('utf8', 0, end));
    const code = bytes.subarray(end + 1);
    return head.program === program && head.code === sha256(code) && Array.isArray(head.uses)
      ? { uses: head.uses, code }
      : null;
  } catch {
    return null;
  }
}

/** Appears whole or not at all. Where nothing can be written, no code is made, and the next run compiles again. */
function writeKept(path: string, program: string, uses: readonly string[], make: () => Buffer): void {
  const unfinished = `${path}.${process.pid}`;
  try {
    const file = openSync(unfinished, 'w', 0o600);
    try {
      const code = make();
      writeFileSync(file, `${JSON.stringify({ program, code: sha256(code), uses })}\n`);
      writeFileSync(file, code);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, path);
  } catch {
    rmSync(unfinished, { force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
