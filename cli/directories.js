import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * A directory of the user's for what can be made again (XDG Base Directory Specification). Not TypeScript, because it is
 * asked for before code is kept that needs no compiling.
 *
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @returns {string}
 */
export function cacheDirectory(environment) {
  const base = environment.XDG_CACHE_HOME;
  // The specification has relative paths ignored.
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'elfgate');
}
