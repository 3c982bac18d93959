import { type FileTree, insideRoot } from '../image/file-tree.ts';
import type { ContainerStart } from '../workload/pod-spec.ts';
import type { InspectedBinary } from './binary-facts.ts';
import type { LaunchFacts } from './schema.ts';

/** How a process is started: what the image or the process itself says. */
export interface Launch {
  readonly user: string;
  readonly workingDirectory: string;
  /** `NAME=VALUE`; of two with one name the last counts. */
  readonly environment: readonly string[];
  readonly entrypoint: readonly string[];
  readonly arguments: readonly string[];
}

// Variables that the loader and the language's runtimes read. The values of all others may be secrets, and no rule
// needs them.
const shown =
  /^(?:LD_[A-Z_]+|PATH|GLIBC_TUNABLES|GODEBUG|GOTRACEBACK|GOMAXPROCS|MALLOC_[A-Z_]+|LOCALDOMAIN|RES_OPTIONS)$/;

// What runc and docker take where an image sets none.
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** States how a process is started, and which file of the root that runs. */
export function launchFacts(launch: Launch, tree: FileTree): LaunchFacts {
  // A map, because a variable may be called `__proto__`.
  const environment = new Map<string, string>();
  for (const assignment of launch.environment) {
    const equals = assignment.indexOf('=');
    if (equals > 0) {
      environment.set(assignment.slice(0, equals), assignment.slice(equals + 1));
    }
  }
  const command = [...launch.entrypoint, ...launch.arguments];
  return {
    user: launch.user,
    workingDirectory: launch.workingDirectory === '' ? '/' : launch.workingDirectory,
    entrypoint: [...launch.entrypoint],
    arguments: [...launch.arguments],
    environment: [...environment].map(([name, value]) => ({ name, value: shown.test(name) ? value : null })),
    preload: preloadsIn(environment.get('LD_PRELOAD')),
    libraryPath: directoriesIn(environment.get('LD_LIBRARY_PATH')),
    executable: findExecutable(command[0] ?? '', environment.get('PATH') ?? defaultPath, launch, tree),
  };
}

/**
 * The same for a container of a pod, whose command and variables come before those of the image (Kubernetes API,
 * Container). A command that is no path of a binary leaves the file unknown: it may be a script or a link.
 */
export function launchInContainer(
  launch: LaunchFacts,
  { command, arguments: given, environment }: ContainerStart,
  binaries: readonly InspectedBinary[],
): LaunchFacts {
  const named = new Set(environment.map(({ name }) => name));
  const assignedTo = (name: string): string | undefined =>
    environment.findLast((variable) => variable.name === name)?.value ?? undefined;
  const [program] = command;
  const path = program?.startsWith('/') === true ? insideRoot(program) : null;
  const found = binaries.find(({ facts }) => facts.path === path)?.facts.path ?? null;
  return {
    ...launch,
    entrypoint: command.length > 0 ? [...command] : launch.entrypoint,
    arguments: command.length > 0 || given.length > 0 ? [...given] : launch.arguments,
    environment: [
      ...launch.environment.filter(({ name }) => !named.has(name)),
      ...[...named].map((name) => ({ name, value: shown.test(name) ? (assignedTo(name) ?? null) : null })),
    ],
    preload: named.has('LD_PRELOAD') ? preloadsIn(assignedTo('LD_PRELOAD')) : launch.preload,
    libraryPath: named.has('LD_LIBRARY_PATH') ? directoriesIn(assignedTo('LD_LIBRARY_PATH')) : launch.libraryPath,
    executable: command.length > 0 ? found : launch.executable,
  };
}

/** Whether the loader is told to look in the same directories, and to load the same ahead of all others. */
export function tellSameToLoader(one: LaunchFacts | null, other: LaunchFacts | null): boolean {
  const told = (launch: LaunchFacts | null): string =>
    JSON.stringify([launch?.libraryPath ?? [], launch?.preload ?? []]);
  return told(one) === told(other);
}

/** Whether the loader of a container is told something by a variable whose value comes from elsewhere. */
export function isLoaderToldElsewhere(start: ContainerStart | null): boolean {
  return (start?.environment ?? []).some(
    ({ name, value }) => value === null && (name === 'LD_LIBRARY_PATH' || name === 'LD_PRELOAD'),
  );
}

// ld.so(8): names between spaces or colons.
function preloadsIn(value = ''): string[] {
  return value.split(/[ :]/).filter((name) => name !== '');
}

function directoriesIn(value = ''): string[] {
  return value.split(/[:;]/).filter((directory) => directory !== '');
}

/** The file that execvp(3) would start, without links; `null` when there is none. */
function findExecutable(name: string, searchPath: string, { workingDirectory }: Launch, tree: FileTree): string | null {
  if (name === '') {
    return null;
  }
  const places = name.startsWith('/')
    ? [name]
    : name.includes('/')
      ? [`${workingDirectory}/${name}`]
      : searchPath.split(':').map((directory) => `${directory}/${name}`);
  for (const place of places) {
    const found = tree.resolve(place);
    if (found?.kind === 'file' && (found.mode & 0o111) !== 0) {
      return found.path;
    }
  }
  return null;
}
