import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In a checkout the Go sources of the opa program; in a published package the program itself, packed. */
export const opaHome = join(import.meta.dirname, 'opa');
export const packedSourcesHash = 'opa.sources.sha256';

/** SHA-256, in hexadecimal, of the Go sources of the opa program: it changes when what OPA compiles may change. */
export function opaSourcesHash(): string {
  if (existsSync(join(opaHome, packedSourcesHash))) {
    return readFileSync(join(opaHome, packedSourcesHash), 'utf8').trim();
  }
  const hash = createHash('sha256');
  for (const name of readdirSync(opaHome).sort()) {
    if (/\.go$|^go\.(mod|sum)$/.test(name)) {
      hash
        .update(`${name}\n`)
        .update(readFileSync(join(opaHome, name)))
        .update('\n');
    }
  }
  return hash.digest('hex');
}
