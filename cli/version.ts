import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version of this package. */
export function version(): string {
  // Two levels up from dist/cli, one from cli: the nearest package.json is this package's.
  for (const above of ['..', join('..', '..')]) {
    try {
      const { version } = JSON.parse(readFileSync(join(import.meta.dirname, above, 'package.json'), 'utf8'));
      return String(version);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
        throw error;
      }
    }
  }
  throw new Error('package.json is missing');
}
