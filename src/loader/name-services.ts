/** A static glibc program that looks names up. */
export interface StaticProgram {
  /** Functions by which it does; empty when a stripped program does not tell. */
  readonly functions: readonly string[];
  /** Services that are part of it and need no module: `files` and `dns` since glibc 2.34. */
  readonly builtIn: readonly string[];
  /** Release of the glibc inside it; `null` where it does not say. */
  readonly version: string | null;
  /** Tunables of the glibc inside it. */
  readonly tunables: readonly string[];
  readonly machine: string;
  readonly class: number;
}

/** A service module of a root. */
export interface ServiceModule {
  readonly service: string;
  readonly path: string;
  readonly machine: string;
  readonly class: number;
  /** Thread-local storage of its own. */
  readonly threadStorage: boolean;
  /** A library that it needs, other than the C library, and that has thread-local storage. */
  readonly threadStorageLibrary: string | null;
  /** A library that it needs and that is not where libraries usually are: without it the module is not loaded. */
  readonly missingLibrary: string | null;
  /** Whether the C library comes with it. */
  readonly needsLibc: boolean;
}

/** What a root says of name services. */
export interface ServiceRoot {
  /** Services by database; `null` without nsswitch.conf. */
  readonly databases: Readonly<Record<string, readonly string[]>> | null;
  /** Of these, the ones behind an action in brackets, which may keep them from being asked. */
  readonly conditional: Readonly<Record<string, readonly string[]>>;
  readonly modules: readonly ServiceModule[];
  readonly libc: { readonly version: string | null; readonly tunables: readonly string[] } | null;
}

export type ServiceReason =
  /** The module brings the root's C library, which is not of the release inside the program: SIGFPE or an assertion. */
  | 'other-release'
  /** The module's own thread-local storage: SIGSEGV when it is touched. */
  | 'thread-storage'
  /** That of a library which the module needs: SIGSEGV when the module touches it. */
  | 'library-thread-storage'
  /** It needs a library that is not found: it is not loaded, and does no harm, unless the library is elsewhere. */
  | 'library-missing'
  /** The module brings a second C library, and nothing shows another release: it works only if there is none. */
  | 'release-not-known'
  /** A second C library of the same release, and no thread-local storage. */
  | 'same-release'
  /** The module brings no C library and has no thread-local storage. */
  | 'stands-alone';

/** What one module does to a static program. */
export interface ServicePrediction {
  readonly service: string;
  readonly module: string;
  /** Databases of the program in which the service is named. */
  readonly databases: readonly string[];
  /** `surely`: every look-up that the files do not answer asks it. */
  readonly asked: 'surely' | 'maybe';
  readonly verdict: 'certain' | 'possible' | 'none';
  readonly reason: ServiceReason;
  /** What shows it, for people. */
  readonly shown: string;
}

/**
 * Whether a static program dies of the modules that a root's nsswitch.conf names, with the embedded dlopen of glibc
 * (`nss/nss_module.c`, `elf/dl-support.c`).
 *
 * Measured on programs of glibc 2.31, 2.36 and 2.41 in roots of each: another release dies as soon as a module brings the
 * root's C library, by SIGFPE, SIGSEGV or an assertion; the same one of thread-local storage when it is touched, and of
 * nothing else. A module that is absent, or of another machine, does no harm.
 */
export function predictNameServices(program: StaticProgram, root: ServiceRoot): readonly ServicePrediction[] {
  const databases = root.databases ?? withoutConfiguration;
  const present = root.modules.filter((module) => module.machine === program.machine && module.class === program.class);
  const askedDatabases = databasesOf(program, databases);
  return present
    .filter(({ service }) => !program.builtIn.includes(service))
    .flatMap((module): readonly ServicePrediction[] => {
      const named = askedDatabases.filter((database) => databases[database]?.includes(module.service));
      if (named.length === 0) {
        return [];
      }
      const reached = (database: string): boolean => {
        const services = databases[database] ?? [];
        const before = services.slice(0, services.indexOf(module.service));
        return (
          root.databases !== null &&
          root.conditional[database]?.includes(module.service) !== true &&
          before.every((service) => passedOver(service, database) || !present.some((one) => one.service === service))
        );
      };
      // Of a program that names no function it is known only that it asks some database.
      const surely = program.functions.length > 0 ? named.some(reached) : alwaysAsked.every(reached);
      const asked = surely ? 'surely' : 'maybe';
      const { reason, shown, kind } = effectOf(program, module, root);
      return [
        {
          service: module.service,
          module: module.path,
          databases: named,
          asked,
          verdict: kind === 'crashes' ? (surely ? 'certain' : 'possible') : kind === 'may' ? 'possible' : 'none',
          reason,
          shown,
        },
      ];
    });
}

// What glibc asks without the file, or without a line for the database (`nss/nss_database.c`).
const withoutConfiguration: Readonly<Record<string, readonly string[]>> = {
  hosts: ['dns', 'files'],
  passwd: ['files'],
  group: ['files'],
};

const alwaysAsked = ['hosts', 'passwd', 'group'];

// Names of hosts are seldom in /etc/hosts; users and groups of an image mostly are in its files.
function passedOver(service: string, database: string): boolean {
  return service === 'files' && database === 'hosts';
}

// By a part of the function's name, which C's and Go's functions share; database names are those of nsswitch.conf(5).
const databasesByFunction: Readonly<Record<string, readonly string[]>> = {
  getaddrinfo: ['hosts', 'services'],
  getnameinfo: ['hosts', 'services'],
  gethost: ['hosts'],
  res_: ['hosts'],
  getpw: ['passwd'],
  getgr: ['group', 'initgroups'],
  initgroups: ['group', 'initgroups'],
  getsp: ['shadow'],
  getserv: ['services'],
  getproto: ['protocols'],
  getnet: ['networks', 'netgroup'],
  innetgr: ['netgroup'],
  getrpc: ['rpc'],
  ether_: ['ethers'],
  getalias: ['aliases'],
};

function databasesOf({ functions }: StaticProgram, databases: ServiceRoot['databases']): readonly string[] {
  if (functions.length === 0) {
    return Object.keys(databases ?? {});
  }
  const asked = Object.entries(databasesByFunction).flatMap(([part, names]) =>
    functions.some((name) => name.includes(part)) ? names : [],
  );
  return [...new Set(asked)];
}

function effectOf(
  program: StaticProgram,
  module: ServiceModule,
  root: ServiceRoot,
): { readonly kind: 'crashes' | 'may' | 'none'; readonly reason: ServiceReason; readonly shown: string } {
  if (module.missingLibrary !== null) {
    return { kind: 'may', reason: 'library-missing', shown: `needs ${module.missingLibrary}, which is not found` };
  }
  const release = module.needsLibc ? compareReleases(program, root.libc) : null;
  if (release?.kind === 'other') {
    return { kind: 'crashes', reason: 'other-release', shown: release.shown };
  }
  if (module.threadStorage) {
    return { kind: 'crashes', reason: 'thread-storage', shown: 'has PT_TLS' };
  }
  if (module.threadStorageLibrary !== null) {
    return {
      kind: 'may',
      reason: 'library-thread-storage',
      shown: `needs ${module.threadStorageLibrary}, which has PT_TLS`,
    };
  }
  if (release === null) {
    return { kind: 'none', reason: 'stands-alone', shown: 'needs no C library' };
  }
  return release.kind === 'same'
    ? { kind: 'none', reason: 'same-release', shown: release.shown }
    : { kind: 'may', reason: 'release-not-known', shown: release.shown };
}

/**
 * Compares the glibc inside a program with that of the root: by release where the program says it, else by their
 * tunables, which no two releases of different tunables share.
 */
function compareReleases(
  program: StaticProgram,
  libc: ServiceRoot['libc'],
): { readonly kind: 'same' | 'other' | 'unknown'; readonly shown: string } {
  const theirs = libc?.version ?? null;
  if (program.version !== null && theirs !== null) {
    return { kind: program.version === theirs ? 'same' : 'other', shown: `glibc ${program.version} inside` };
  }
  const ours = new Set(program.tunables);
  const loaders = new Set(libc?.tunables ?? []);
  const [lacks] = [...loaders].filter((name) => !ours.has(name));
  const [alone] = [...ours].filter((name) => !loaders.has(name));
  if (ours.size > 0 && loaders.size > 0 && (lacks !== undefined || alone !== undefined)) {
    const shown = lacks === undefined ? `knows ${alone}, the root does not` : `does not know ${lacks} of the root`;
    return { kind: 'other', shown };
  }
  return { kind: 'unknown', shown: 'needs the C library of the root' };
}
