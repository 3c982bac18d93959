import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ElfgateError } from '../errors.ts';
import { parseExactly, stringifyExactly } from './exact-json.ts';
import type { RuleMetadata } from './rule-metadata.ts';

/** Compiled policies, and what is known about their rules. */
export interface PolicyBundle {
  /** SHA-256 in hexadecimal of everything the bundle was made of: sources, and the compiler's own sources. */
  readonly revision: string;
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** In the order of their ids. */
  readonly rules: readonly RuleMetadata[];
  /** Base data that the sources bring along. */
  readonly data: object;
}

/** Grows when the meaning of a bundle's files changes, so that an older one in a cache is not misread. */
export const bundleFormat = 3;

const wasmFile = 'policy.wasm';
const manifestFile = 'rules.json';

/**
 * Reads a bundle that {@link writeBundle} wrote.
 *
 * @throws ElfgateError `unreadable` when it is not there, `policy` when it is damaged or of another version.
 */
export function readBundle(directory: string): PolicyBundle {
  const wasm = read(join(directory, wasmFile));
  const path = join(directory, manifestFile);
  const hint = 'install elfgate again; in a checkout, remove its cache directory';
  let manifest: Partial<Manifest> | null;
  try {
    manifest = parseExactly(new TextDecoder().decode(read(path))) as Partial<Manifest> | null;
  } catch (cause) {
    if (cause instanceof ElfgateError) {
      throw cause;
    }
    throw new ElfgateError('policy', `${path}: is not JSON`, { hint, cause });
  }
  const { format, revision, wasmSha256, rules, data } = manifest ?? {};
  if (format !== bundleFormat || typeof revision !== 'string' || !Array.isArray(rules) || typeof data !== 'object') {
    throw new ElfgateError('policy', `${path}: is not the manifest of a policy bundle of format ${bundleFormat}`, {
      hint,
    });
  }
  if (sha256(wasm) !== wasmSha256) {
    throw new ElfgateError(
      'policy',
      `${join(directory, wasmFile)}: is not the module that rules.json was written for`,
      { hint },
    );
  }
  return { revision, wasm, rules, data };
}

/**
 * Writes `policy.wasm` and `rules.json` into a directory that appears at once and complete, or not at all. Where one
 * is already, it stays: bundles of the same name have the same content.
 */
export async function writeBundle(directory: string, bundle: PolicyBundle): Promise<void> {
  // Most runs only read.
  const { mkdir, rename, rm, writeFile } = await import('node:fs/promises');
  const unfinished = `${directory}.${randomUUID()}`;
  await mkdir(unfinished, { recursive: true });
  try {
    await writeFile(join(unfinished, wasmFile), bundle.wasm);
    await writeFile(join(unfinished, manifestFile), bundleManifest(bundle));
    await mkdir(dirname(directory), { recursive: true });
    await rename(unfinished, directory);
  } catch (cause) {
    if (!existsSync(join(directory, manifestFile))) {
      throw cause;
    }
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The text of `rules.json`. */
export function bundleManifest({ revision, wasm, rules, data }: PolicyBundle): string {
  const manifest: Manifest = { format: bundleFormat, revision, wasmSha256: sha256(wasm), rules, data };
  return `${stringifyExactly(manifest)}\n`;
}

interface Manifest {
  readonly format: number;
  readonly revision: string;
  readonly wasmSha256: string;
  readonly rules: readonly RuleMetadata[];
  readonly data: object;
}

function read(path: string): Uint8Array<ArrayBuffer> {
  try {
    const { buffer, byteOffset, length } = readFileSync(path);
    return new Uint8Array(buffer, byteOffset, length);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${path}: cannot be read (${code})`, { cause });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
