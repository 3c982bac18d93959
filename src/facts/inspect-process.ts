import { readFileSync, readlinkSync } from 'node:fs';
import { type FileSource, openFile } from '../bytes/byte-source.ts';
import { ElfgateError, unlessDamaged } from '../errors.ts';
import { directoryTree } from '../image/directory.ts';
import type { FileTree, TreeEntry } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { inspectTree } from './inspect-tree.ts';
import type { InspectedTarget, InspectOptions, Target } from './inspected-target.ts';
import { launchFacts } from './launch-facts.ts';
import { noLinkage } from './no-linkage.ts';

/**
 * Inspects what a process of this machine runs: its executable and the libraries that are mapped into it, inside the
 * root file system that it sees.
 *
 * @throws ElfgateError `usage` when no process is named, `unreadable` when there is none or it may not be looked at.
 */
export function inspectProcess(target: Target, options: InspectOptions): InspectedTarget {
  const id = target.name.slice('pid:'.length);
  if (!/^[1-9]\d{0,9}$/.test(id)) {
    throw new ElfgateError('usage', `${target.name} names no process`, { hint: 'as pid:4711; ps lists them' });
  }
  const place = `/proc/${id}`;
  const mapped = mappedFiles(readProcessFile(`${place}/maps`, target.name));
  const executable = linkOf(`${place}/exe`, target.name);
  const root = directoryTree(`${place}/root`);
  const tree = onlyFiles(root, place, executable, mapped);
  const [program = '', ...rest] = nullSeparated(readProcessFile(`${place}/cmdline`, target.name));
  const launch = launchFacts(
    {
      user: '',
      workingDirectory: linkOf(`${place}/cwd`, target.name),
      environment: nullSeparated(readProcessFile(`${place}/environ`, target.name)),
      entrypoint: [program],
      arguments: rest,
    },
    root,
  );
  return {
    name: target.name,
    role: target.role,
    kind: 'process',
    digest: null,
    meeting: { platform: null, container: null },
    ...inspectTree(tree, options),
    // What runs has been loaded, and of its root only what is mapped can be seen.
    linkage: noLinkage,
    image: null,
    // Which file runs is known, and need not be looked for; what it was called with may hold secrets.
    launch: { ...launch, arguments: [], executable: withoutRoot(executable) },
    openings: null,
  };
}

/** Files of `/proc/PID/maps` (proc_pid_maps(5)): what is mapped and can be executed, and what is mapped along with it. */
function mappedFiles(maps: string): ReadonlySet<string> {
  const files = new Set<string>();
  for (const line of maps.split('\n')) {
    const [, path] = /^[0-9a-f]+-[0-9a-f]+ ..x. [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ +(\/.*)$/.exec(line) ?? [];
    if (path !== undefined && files.size < limits.closureMembers) {
      // A new line in a name is written as \012.
      files.add(path.replaceAll('\\012', '\n'));
    }
  }
  return files;
}

const deleted = ' (deleted)';

/** The root that a process sees, holding no more files than it has mapped. */
function onlyFiles(root: FileTree, place: string, executable: string, mapped: ReadonlySet<string>): FileTree {
  const files = [...new Set([executable, ...mapped])].sort();
  return {
    resolve: root.resolve,
    *entries(): Iterable<TreeEntry> {
      for (const file of files) {
        const path = withoutRoot(file);
        // Whoever replaced the file left the old one to the process; only the executable can still be opened by name.
        if (file.endsWith(deleted) && file !== executable) {
          yield {
            kind: 'problem',
            path,
            message: 'was replaced or removed after the process had mapped it: restart the process',
          };
          continue;
        }
        const source = openIn(root, place, file, executable);
        if (source === null) {
          yield { kind: 'problem', path, message: 'is mapped, but cannot be opened by this name' };
          continue;
        }
        source.close();
        yield { kind: 'file', path, size: source.size, layer: null };
      }
    },
    open(path) {
      const file = files.find((one) => withoutRoot(one) === path);
      return (file === undefined ? null : openIn(root, place, file, executable)) ?? root.open(path);
    },
  };
}

function openIn(root: FileTree, place: string, file: string, executable: string): FileSource | null {
  return unlessDamaged(() => (file === executable ? openFile(`${place}/exe`) : root.open(withoutRoot(file))));
}

function withoutRoot(path: string): string {
  return path.replace(/^\/+/, '');
}

function nullSeparated(text: string): readonly string[] {
  return text.split('\0').filter((part) => part !== '');
}

function readProcessFile(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw outOfReach(name, cause);
  }
}

function linkOf(path: string, name: string): string {
  try {
    return readlinkSync(path);
  } catch (cause) {
    throw outOfReach(name, cause);
  }
}

function outOfReach(name: string, cause: unknown): ElfgateError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return code === 'ENOENT' || code === 'ESRCH'
    ? new ElfgateError('unreadable', `${name}: there is no such process`, { hint: 'ps lists those that run', cause })
    : new ElfgateError('unreadable', `${name}: the process may not be looked at (${code})`, {
        hint: 'run elfgate as the user of the process, or as root',
        cause,
      });
}
