import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** A directory of the user's for what can be made again (XDG Base Directory Specification). */
export function cacheDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment.XDG_CACHE_HOME;
  // The specification has relative paths ignored.
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'elfgate');
}
