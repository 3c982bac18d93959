import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { makeRoom, noteUse } from './cache-room.ts';
import { bundleManifest, type PolicyBundle, readBundle } from './policy-bundle.ts';
import type { PolicySources } from './policy-sources.ts';
import { missingBuiltins } from './wasm-policy.ts';

/**
 * A bundle as one file, in the layout of OPA's bundles: Rego and data as they lie in their directory, the compiled
 * policy with what elfgate knows about its rules, and a `.manifest`. The same sources give the same bytes.
 *
 * @returns a gzip-compressed tar archive.
 */
export async function packBundle(bundle: PolicyBundle, sources: PolicySources): Promise<Buffer> {
  // The compiled policy is elfgate's own: an opa program that was built without WebAssembly refuses a manifest of one.
  const manifest = { revision: bundle.revision, roots: [''] };
  const files = new Map<string, string | Uint8Array>([
    ['.manifest', `${JSON.stringify(manifest, null, 2)}\n`],
    ['policy.wasm', bundle.wasm],
    ['rules.json', bundleManifest(bundle)],
    ...Object.entries({ ...sources.policies, ...sources.dataFiles, ...sources.manifests }),
  ]);
  const archive = pack();
  for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    // No time and no owner: they would make other bytes of the same policies.
    archive.entry({ name, mode: 0o644, mtime: new Date(0) }, Buffer.from(content));
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) {
    chunks.push(chunk as Buffer);
  }
  return promisify(gzip)(Buffer.concat(chunks), { level: 6 });
}

/**
 * Unpacks a bundle into the cache, once for each content.
 *
 * @returns the directory that holds its files.
 * @throws ElfgateError `unreadable`, `limit`, or `policy` for an archive that is damaged, leads out of its directory, or
 * holds a compiled policy that cannot be loaded.
 */
export async function unpackBundleFile(location: string, cacheDirectory: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(location);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${location}: cannot be read (${code})`, { cause });
  }
  return unpackBundle(bytes, location, cacheDirectory);
}

/** {@link unpackBundleFile} of bytes that are at hand; `name` is named in messages. */
export async function unpackBundle(bytes: Uint8Array, name: string, cacheDirectory: string): Promise<string> {
  if (bytes.length > limits.policyBundleBytes) {
    throw new ElfgateError(
      'limit',
      `${name}: has ${bytes.length} bytes, above the limit of ${limits.policyBundleBytes} of a policy bundle`,
    );
  }
  const part = join(cacheDirectory, 'bundles');
  const directory = join(part, createHash('sha256').update(bytes).digest('hex'));
  if (existsSync(directory)) {
    noteUse(directory);
    return directory;
  }
  const files = await filesOf(bytes, name);
  if (![...files.keys()].some((path) => /\.(?:rego|ya?ml)$/.test(path))) {
    throw new ElfgateError('policy', `${name}: holds no policies`, {
      hint: 'elfgate policy build DIR --output-file bundle.tar.gz makes a bundle',
    });
  }
  const unfinished = `${directory}.${randomUUID()}`;
  try {
    for (const [path, content] of files) {
      await mkdir(dirname(join(unfinished, path)), { recursive: true });
      await writeFile(join(unfinished, path), content);
    }
    await checkCompiled(files, unfinished, name);
    await rename(unfinished, directory);
  } catch (cause) {
    // Another process may have been quicker.
    if (cause instanceof ElfgateError || !existsSync(directory)) {
      throw cause;
    }
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  makeRoom(part, limits.cachedPolicyBytes);
  return directory;
}

async function filesOf(bytes: Uint8Array, name: string): Promise<ReadonlyMap<string, Buffer>> {
  const damaged = (sentence: string, cause?: unknown): ElfgateError =>
    new ElfgateError('policy', `${name}: ${sentence}`, {
      hint: 'elfgate policy build DIR --output-file bundle.tar.gz makes a bundle',
      ...(cause === undefined ? {} : { cause }),
    });
  let tar: Buffer;
  try {
    tar = await promisify(gunzip)(bytes, { maxOutputLength: limits.policyBundleUnpackedBytes });
  } catch (cause) {
    throw cause instanceof RangeError
      ? new ElfgateError('limit', `${name}: unpacks to more than ${limits.policyBundleUnpackedBytes} bytes`, { cause })
      : damaged('is not a whole gzip file', cause);
  }
  const files = new Map<string, Buffer>();
  const archive = extract();
  archive.end(tar);
  try {
    for await (const entry of archive) {
      const { name: path, type } = entry.header;
      const chunks: Buffer[] = [];
      for await (const chunk of entry) {
        chunks.push(chunk as Buffer);
      }
      if (type === 'directory') {
        continue;
      }
      const inside = path.replace(/^(?:\.?\/)+/, '');
      if (type !== 'file' || path.startsWith('/../') || !staysInside(inside)) {
        throw damaged(
          type === 'file'
            ? `its entry ${JSON.stringify(path)} leads out of the bundle`
            : `its entry ${JSON.stringify(path)} is a ${type}, and a bundle holds plain files`,
        );
      }
      if (files.size >= limits.policyFiles) {
        throw new ElfgateError('limit', `${name}: holds more than ${limits.policyFiles} files`);
      }
      if (files.has(inside)) {
        throw damaged(`holds ${JSON.stringify(inside)} twice`);
      }
      files.set(inside, Buffer.concat(chunks));
    }
  } catch (cause) {
    throw cause instanceof ElfgateError ? cause : damaged('is not a whole tar archive', cause);
  }
  return files;
}

function staysInside(path: string): boolean {
  const parts = path.split('/');
  return (
    path !== '' &&
    Buffer.byteLength(path) <= limits.pathBytes &&
    !path.includes('\\') &&
    !path.includes('\0') &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/** A compiled policy that a bundle brings along must be one that could run, whoever will run it. */
async function checkCompiled(files: ReadonlyMap<string, Buffer>, directory: string, name: string): Promise<void> {
  const wasm = files.get('policy.wasm');
  if (wasm === undefined) {
    return;
  }
  try {
    await missingBuiltins(new Uint8Array(wasm));
    if (files.has('rules.json')) {
      readBundle(directory);
    }
  } catch (cause) {
    if (cause instanceof ElfgateError) {
      throw new ElfgateError('policy', `${name}: policy.wasm: ${cause.message.replace(`${directory}/`, '')}`, {
        cause,
      });
    }
    throw cause;
  }
}
