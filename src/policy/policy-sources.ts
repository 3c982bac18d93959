import { isUtf8 } from 'node:buffer';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { RegoSources } from './opa.ts';

/** The files of one or several policy directories. */
export interface PolicySources {
  /** Text by path; paths are relative to their directory, with `/`, and in order. */
  readonly policies: RegoSources;
  /** The same for files named `*_test.rego`. */
  readonly tests: RegoSources;
  /** The same for files named `data.json`, `data.yaml` or `data.yml`: base data, found below `data` by their folders. */
  readonly dataFiles: Readonly<Record<string, string>>;
  /** The same for YAML files that hold templates or constraints of Gatekeeper. */
  readonly manifests: Readonly<Record<string, string>>;
  /** Files whose packages are moved below a path of `data`. */
  readonly roots: Readonly<Record<string, readonly string[]>>;
  /** The path under which the reader of a message finds a file of either list. */
  readonly locations: ReadonlyMap<string, string>;
}

/** A directory of policies, or a single file; or of a directory only what has one of these names. */
export type PolicyDirectory = string | { readonly directory: string; readonly parts: readonly string[] };

/**
 * Reads policy directories as one tree: a directory of own rules next to the shipped ones adds to them. A file may stand
 * in two of them if it is the same in both, as what a bundle brings along is; a single file stands for a directory of it.
 *
 * Names that begin with a dot are passed over (a mounted ConfigMap holds its files twice, once below `..data`), and
 * so is everything that is neither Rego nor base data nor of Gatekeeper. Reads are synchronous: for sixty small files that takes a third
 * of the time, and every `elfgate check` waits for it.
 *
 * @param tests whether they are read, too: there are six times as much of them, and no bundle holds any.
 * @throws ElfgateError `unreadable` for a directory or file that cannot be read, `policy` for a file that is no UTF-8
 * text or exists in two directories, `limit` for too much of anything.
 */
export function readPolicySources(
  directories: readonly PolicyDirectory[],
  { tests: withTests = true }: { readonly tests?: boolean } = {},
): PolicySources {
  const texts = new Map<string, string>();
  const locations = new Map<string, string>();

  const add = (location: string, path: string): void => {
    if ((!/\.(?:rego|ya?ml)$/.test(path) && !isDataFile(path)) || (isTest(path) && !withTests)) {
      return;
    }
    const text = textOf(location);
    if (!path.endsWith('.rego') && !isDataFile(path) && !isOfGatekeeper(text)) {
      return;
    }
    const other = locations.get(path);
    if (other !== undefined) {
      if (texts.get(path) === text) {
        return;
      }
      throw new ElfgateError('policy', `${location} and ${other} are both ${path} of the policies`, {
        hint: 'rename one of them; a rule cannot be replaced, but elfgate.yaml can switch it off',
      });
    }
    if (texts.size >= limits.policyFiles) {
      throw new ElfgateError('limit', `${location}: the policies hold more than ${limits.policyFiles} files`);
    }
    texts.set(path, text);
    locations.set(path, location);
  };
  const visit = (directory: string, prefix: string, level: number, parts: readonly string[] | null): void => {
    if (level > limits.policyDirectoryDepth) {
      throw new ElfgateError(
        'limit',
        `${directory}: policy directories are nested deeper than ${limits.policyDirectoryDepth} levels`,
      );
    }
    for (const entry of attempt(directory, () => readdirSync(directory, { withFileTypes: true }))) {
      if (entry.name.startsWith('.') || parts?.includes(entry.name) === false) {
        continue;
      }
      const location = join(directory, entry.name);
      const path = `${prefix}${entry.name}`;
      const kind = entry.isSymbolicLink() ? attempt(location, () => statSync(location)) : entry;
      if (kind.isDirectory()) {
        visit(location, `${path}/`, level + 1, null);
      } else if (kind.isFile()) {
        add(location, path);
      }
    }
  };
  for (const given of directories) {
    const { directory, parts } = typeof given === 'string' ? { directory: given, parts: null } : given;
    if (statSync(directory, { throwIfNoEntry: false })?.isFile() === true) {
      add(directory, basename(directory));
    } else {
      visit(directory, '', 0, parts);
    }
  }

  const policies: Record<string, string> = {};
  const tests: Record<string, string> = {};
  const dataFiles: Record<string, string> = {};
  const manifests: Record<string, string> = {};
  for (const [path, text] of [...texts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const list = isTest(path) ? tests : path.endsWith('.rego') ? policies : isDataFile(path) ? dataFiles : manifests;
    list[path] = text;
  }
  return { policies, tests, dataFiles, manifests, roots: {}, locations };
}

/** Policies lie among objects that they are tried on, and files of other programs. */
function isOfGatekeeper(text: string): boolean {
  return /^apiVersion:\s*["']?(?:templates|constraints)\.gatekeeper\.sh\//m.test(text);
}

function isTest(path: string): boolean {
  return path.endsWith('_test.rego');
}

function isDataFile(path: string): boolean {
  return /(?:^|\/)data\.(?:json|ya?ml)$/.test(path);
}

function textOf(location: string): string {
  const bytes = attempt(location, () => readFileSync(location));
  const most = location.endsWith('.rego') ? limits.policyFileBytes : limits.documentBytes;
  if (bytes.length > most) {
    throw new ElfgateError(
      'limit',
      `${location}: has ${bytes.length} bytes, above the limit of ${most} of a policy file`,
    );
  }
  if (!isUtf8(bytes)) {
    throw new ElfgateError('policy', `${location}: is not UTF-8 text`);
  }
  return bytes.toString();
}

function attempt<Result>(location: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${location}: cannot be read (${code})`, { cause });
  }
}
