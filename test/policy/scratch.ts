import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.js';
import { askOpa } from '../../src/policy/opa.ts';
import type { OpaOptions } from '../../src/policy/opa-program.ts';

/** The user's own cache: the opa program is built once, and not once a test file or checkout. */
export const opaOptions: OpaOptions = { cacheDirectory: cacheDirectory(process.env), environment: process.env };

const policies = join(import.meta.dirname, '..', '..', 'policies');

/** elfgate's own `main.rego` and `lib`, without its rules. */
export const engineFiles: Readonly<Record<string, string>> = Object.fromEntries(
  ['main.rego', ...readdirSync(join(policies, 'lib')).map((name) => `lib/${name}`)].map((path) => [
    path,
    readFileSync(join(policies, path), 'utf8'),
  ]),
);

export const toyRules = join(import.meta.dirname, '..', 'fixtures', 'policy', 'rules');

/** A new directory with some files in it. */
export function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-test-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

/** A module compiled from one source. */
export async function compiled(rego: string, entrypoint = 'elfgate/verdict'): Promise<Uint8Array<ArrayBuffer>> {
  const built = await askOpa('build', { sources: { 'main.rego': rego }, entrypoint }, opaOptions);
  if (built.outcome === 'rejected') {
    throw new Error(JSON.stringify(built.problems));
  }
  return new Uint8Array(Buffer.from(built.answer.wasm, 'base64'));
}
