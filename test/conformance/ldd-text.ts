import { execFileSync } from 'node:child_process';

/** What a loader says about one file when it is asked to list and bind and not to run; every list sorted. */
export interface Listing {
  /** `name => path`, or the path alone for the loader itself. */
  readonly libraries: readonly string[];
  readonly missing: readonly string[];
  /** `symbol[@version] of object`. */
  readonly undefinedSymbols: readonly string[];
  /** Of these, those whose version belongs to a missing library, without it: ldd has no room for some of their names. */
  readonly ofMissingLibraries: readonly string[];
  /** `version of library for object`. */
  readonly versionErrors: readonly string[];
  /** Why the loader stopped; `null` when it did not. */
  readonly stopped: string | null;
}

/** Runs `ldd -r`, or another command that prints the same, and reads all that it says. */
export function ldd(path: string, command: readonly [string, ...string[]] = ['ldd', '-r']): Listing {
  return readListing(outputOf([...command, path]), path);
}

// `ldd` answers with exit code 1 for missing libraries, and writes what it finds wrong to either stream.
function outputOf(command: readonly string[]): string {
  try {
    return execFileSync('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...command], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' },
      cwd: '/',
      timeout: 60_000,
      maxBuffer: 1 << 28,
    });
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string') {
      return error.stdout;
    }
    throw error;
  }
}

function readListing(text: string, path: string): Listing {
  const libraries = new Set<string>();
  const missing = new Set<string>();
  const undefinedSymbols = new Set<string>();
  const versionErrors = new Set<string>();
  let stopped: string | null = null;
  for (const line of text.split('\n')) {
    const [, name = '', where = ''] = /^\t(.+) => (.+?)(?: \(0x[0-9a-f]+\))?$/.exec(line) ?? [];
    const [, alone = ''] = /^\t(\S.*) \(0x[0-9a-f]+\)$/.exec(line) ?? [];
    const [, symbol = '', version, object = ''] =
      /^(?:undefined )?symbol:? (.+?)(?:, version (\S+?))?(?: not defined in file \S+ with link time reference(?: \(no version symbols\))?)?\t\((.*)\)$/.exec(
        line,
      ) ?? [];
    const [, library = '', required = '', by = ''] =
      /^.*?: (\S+): version `(.*)' not found \(required by (.*)\)$/.exec(line) ?? [];
    const [, error] = /error while loading shared libraries: (.*)$/.exec(line) ?? [];
    const [, muslMissing] =
      /^Error loading shared library (.*?): No such file or directory \(needed by /.exec(line) ?? [];
    const [, muslObject = '', muslSymbol] = /^Error relocating (.*): (.*): symbol not found$/.exec(line) ?? [];
    if (name !== '') {
      if (where === 'not found') {
        missing.add(name);
      } else {
        libraries.add(name === where ? where : `${name} => ${where}`);
      }
    } else if (alone !== '') {
      // The kernel's own object has no file.
      if (!alone.startsWith('linux-vdso') && !alone.startsWith('linux-gate')) {
        libraries.add(alone);
      }
    } else if (symbol !== '') {
      undefinedSymbols.add(`${symbol}${version === undefined ? '' : `@${version}`} of ${object}`);
    } else if (required !== '') {
      versionErrors.add(`${required} of ${library} for ${by}`);
    } else if (error !== undefined) {
      stopped = error;
    } else if (muslMissing !== undefined) {
      missing.add(muslMissing);
    } else if (muslSymbol !== undefined) {
      undefinedSymbols.add(`${muslSymbol} of ${muslObject}`);
    } else if (
      !/^\t(?:statically linked|not a dynamic executable)$|^$|: no version information available |^ldd: warning: /.test(
        line,
      )
    ) {
      throw new Error(`${path}: a line that nobody expects: ${JSON.stringify(line)}`);
    }
  }
  return {
    libraries: [...libraries].sort(),
    missing: [...missing].sort(),
    undefinedSymbols: [...undefinedSymbols].sort(),
    ofMissingLibraries: [],
    versionErrors: [...versionErrors].sort(),
    stopped,
  };
}
