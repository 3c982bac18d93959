import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { limits } from '../limits.ts';

/** What a list of digests says about a file. */
export interface ListedDigest {
  readonly file: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Whether anything next to a file says who made it. */
export function hasTrustNextToIt(path: string): boolean {
  return existsSync(`${path}.sig`) || bundlesOf(path).length > 0 || digestListedFor(path) !== null;
}

/**
 * Files that hold a bundle about a file: `NAME.sigstore.json`, as cosign and gh write it, its older names, and further
 * ones as `NAME.provenance.sigstore.json`.
 */
export function bundlesOf(path: string): readonly string[] {
  const ending = /\.(?:sigstore\.json|sigstore|bundle)$/;
  return (
    readdirSync(dirname(path))
      .filter((entry) => entry.startsWith(`${basename(path)}.`) && ending.test(entry))
      .map((entry) => join(dirname(path), entry))
      // app.so.sigstore.json is about app.so, also when there is an app.
      .filter((bundle) => bundle.replace(ending, '') === path || !existsSync(bundle.replace(ending, '')))
      .sort()
      .slice(0, limits.attachedArtifacts)
  );
}

/** The digest that `SHA256SUMS` (as sha256sum writes it) in the same directory gives for a file. */
export function digestListedFor(path: string): ListedDigest | null {
  const file = join(dirname(path), 'SHA256SUMS');
  if (!existsSync(file)) {
    return null;
  }
  const text = readFileSync(file).subarray(0, limits.rootTextBytes).toString();
  for (const line of text.split('\n')) {
    const [, sha256, name] = /^([0-9a-fA-F]{64}) [ *](.+)$/.exec(line) ?? [];
    if (sha256 !== undefined && name?.replace(/^\.\//, '') === basename(path)) {
      return { file, sha256: sha256.toLowerCase() };
    }
  }
  return null;
}
