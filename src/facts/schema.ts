import Type, { type Static } from 'typebox';
import { CanaryMeasurement, FipsReport, ServiceLevel } from '../trust/predicates/own-predicates.ts';
import { schemaVersion } from './schema-version.ts';

/**
 * The facts document: all that inspection states and all that policies see.
 *
 * Types and JSON Schema are made from these definitions. What a file does not say is `null` or an empty list.
 */

const nullable = <Kind extends Type.TSchema>(kind: Kind) => Type.Union([kind, Type.Null()]);
const text = (description: string) => Type.String({ description });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const flag = (description: string) => Type.Boolean({ description });
const maybeText = (description: string) => nullable(text(description));
const maybeFlag = (description: string) => nullable(flag(description));
const maybeCount = (description: string) => nullable(count(description));
const texts = (description: string) => Type.Array(Type.String(), { description });
const closed = <Properties extends Type.TProperties>(properties: Properties, description: string) =>
  Type.Object(properties, { additionalProperties: false, description });
const oneOf = <Values extends [string, ...string[]]>(values: readonly [...Values], description: string) =>
  Type.Enum(values, { description });

const ImportedSymbol = closed(
  {
    name: Type.String(),
    version: maybeText('symbol version that is asked for'),
    library: maybeText('needed library that the version belongs to'),
    binding: Type.String(),
    type: Type.String(),
  },
  'a symbol that another object must define',
);

const ExportedSymbol = closed(
  {
    name: Type.String(),
    version: maybeText('symbol version that is defined'),
    default: flag('whether references without a version bind to it'),
    binding: Type.String(),
    type: Type.String(),
    visibility: Type.String(),
    size: count('bytes'),
  },
  'a symbol that other objects can bind to',
);

const SearchPath = closed(
  {
    entry: text('one element of DT_RPATH or DT_RUNPATH, as written'),
    tag: oneOf(['rpath', 'runpath'], 'which of the two'),
    kind: oneOf(
      ['absolute', 'origin', 'relative', 'empty'],
      'origin: below the directory of the object; relative and empty depend on where the process is started',
    ),
    resolved: maybeText(
      'the directory in the root that it names; null without a root, or where it depends on the process',
    ),
    outsideRoot: maybeFlag('whether it leads out of the root; null without a root'),
    exists: maybeFlag('whether the directory is in the root; null without a root'),
    worldWritable: maybeFlag('whether everyone may put a library there; null when that cannot be known'),
  },
  'one place where the loader looks for libraries because this object says so',
);

const Elf = closed(
  {
    class: Type.Union([Type.Literal(32), Type.Literal(64)], { description: 'address width in bits' }),
    endian: oneOf(['little', 'big'], 'byte order'),
    machine: text('EM_* in lower case without its prefix'),
    type: text('ET_* in lower case without its prefix'),
    osabi: text('ELFOSABI_* in lower case without its prefix'),
    interpreter: maybeText('PT_INTERP: the loader that the kernel starts'),
    soname: maybeText('DT_SONAME'),
    needed: texts('DT_NEEDED, in load order'),
    rpath: texts('elements of DT_RPATH'),
    runpath: texts('elements of DT_RUNPATH'),
    buildId: maybeText('NT_GNU_BUILD_ID, hexadecimal'),
    flags: texts('names of DT_FLAGS and DT_FLAGS_1, and of SYMBOLIC, TEXTREL and BIND_NOW as separate tags'),
    stripped: flag('whether .symtab is absent'),
    importCount: count('symbols that other objects must define'),
    exportCount: count('symbols that other objects can bind to'),
    versionsNeeded: Type.Record(Type.String(), Type.Array(Type.String()), {
      description: 'symbol versions that must be present, by library',
    }),
    versionsDefined: texts('symbol versions that this file defines'),
    imports: Type.Optional(Type.Array(ImportedSymbol)),
    exports: Type.Optional(Type.Array(ExportedSymbol)),
    program: flag('whether it is started, and not loaded into another'),
    debugInformation: flag('whether .debug_info is present'),
    abiTag: nullable(closed({ system: Type.String(), version: Type.String() }, 'NT_GNU_ABI_TAG')),
    processorFeatures: texts('IBT, SHSTK, BTI, PAC: control-flow protections that every object was compiled with'),
    comment: texts('versions that compilers and linkers left in .comment'),
    hashStyles: Type.Array(oneOf(['sysv', 'gnu'], 'symbol hash table')),
    relocations: closed(
      { rel: count('DT_REL'), rela: count('DT_RELA'), relr: count('DT_RELR') },
      'relocations by kind',
    ),
    relro: oneOf(['full', 'partial', 'none'], 'how much relocated data becomes read-only'),
    executableStack: flag('whether it asks for a stack that can be executed'),
    positionIndependent: maybeFlag('whether a program can be loaded anywhere; null for libraries'),
    stackProtector: maybeFlag('stack canaries; null when a stripped static file cannot tell'),
    fortified: maybeFlag('_FORTIFY_SOURCE; null when a stripped static file cannot tell'),
    searchPaths: Type.Array(SearchPath),
    interpreterInRoot: nullable(
      oneOf(['present', 'absent', 'other-machine'], 'whether the root holds the interpreter; null without a root'),
    ),
    surface: nullable(
      closed(
        {
          names: texts('exported names of the own C and C++ code, sorted; the first 4,096'),
          count: count('how many there are'),
          protectedNames: texts('of these, with protected visibility'),
          uniqueNames: texts('names of STB_GNU_UNIQUE binding'),
          hiddenCount: maybeCount('functions and data that the compiler hid; null when stripped, and for Go'),
          leaked: Type.Array(
            closed(
              { library: Type.String(), count: count('names'), symbols: texts('the first of them') },
              'a bundled library whose names are exported',
            ),
          ),
        },
        'what a shared object offers; null for programs, and for files found in a directory and not named',
      ),
    ),
  },
  'what the ELF format states',
);

// Go modules replace each other one level deep.
const ModuleReplacement = closed(
  { path: Type.String(), version: maybeText('null for a directory'), sum: maybeText('go.sum hash') },
  'what a module was replaced with',
);
const GoModule = closed(
  {
    path: Type.String(),
    version: maybeText('as v1.2.3, or (devel)'),
    sum: maybeText('go.sum hash'),
    replace: nullable(ModuleReplacement),
  },
  'a module of the build',
);

const Go = closed(
  {
    version: maybeText('toolchain, as go1.26.8'),
    versionAt: maybeText('where that stands in the file'),
    versionFrom: maybeText('.go.buildinfo, runtime.buildVersion or dwarf producer'),
    path: maybeText('import path of the main package'),
    main: nullable(GoModule),
    deps: Type.Array(GoModule),
    settings: Type.Record(Type.String(), Type.String(), { description: 'build settings' }),
    plugin: nullable(
      closed({ path: text('the plugin path'), exports: texts('names for plugin.Lookup') }, 'of -buildmode=plugin'),
    ),
    packages: maybeCount('packages with a link-time hash; null when not linked for plugins'),
    moduleDataBytes: maybeCount('size of runtime.firstmoduledata, which host and plugin must agree on'),
    importsPlugin: maybeFlag('whether plugin.Open is part of it; null when function names cannot be read'),
    cgo: maybeFlag('whether the cgo runtime is part of it; null when function names cannot be read'),
    cResolver: texts('functions that resolve names through the C library'),
  },
  'what the Go toolchain left',
);

const Libc = closed(
  {
    kind: oneOf(['glibc', 'musl', 'none', 'unknown'], 'which C library'),
    linkage: oneOf(['dynamic', 'static', 'none'], 'how it is joined to it; none also for a C library itself'),
    version: maybeText('release that is inside this file'),
    minimum: maybeText('oldest glibc that has every symbol version this file needs'),
    minimumLibrary: maybeText('the library whose version asks for it'),
    usesNss: maybeFlag('whether it looks names up through the name service switch'),
    nssFunctions: texts('the functions by which it does'),
    nssAt: maybeText('where the text stands that shows it in a static program'),
    nssBuiltIn: texts('services that a static program brings itself'),
    tunables: texts('tunables of the glibc inside a static program that looks names up'),
    usesVsyscall: maybeFlag('whether it calls into the fixed vsyscall page; null for other machines than x86_64'),
    vsyscalls: Type.Array(
      closed(
        { at: text('place of the instruction'), entry: oneOf(['gettimeofday', 'time', 'getcpu'], 'which entry') },
        'an instruction that names the vsyscall page',
      ),
    ),
  },
  'which C library, and which of its traps',
);

export const Binary = closed(
  {
    path: text('path as named, or below the root'),
    sha256: text('hexadecimal digest of the whole file'),
    size: count('bytes'),
    format: oneOf(['elf', 'wasm', 'bpf'], 'file format'),
    role: nullable(oneOf(['host', 'plugin'], 'what the caller says it is, or what it was found to be')),
    named: flag('whether the caller named this very file'),
    layer: maybeCount('index of the image layer it comes from'),
    elf: nullable(Elf),
    go: nullable(Go),
    libc: nullable(Libc),
  },
  'one binary',
);

const Outcome = oneOf(['loads', 'fails', 'crashes', 'not-reached'], 'what plugin.Open does');

const HashDifference = closed(
  {
    package: Type.String(),
    host: text('hash at run time'),
    hostAt: Type.String(),
    plugin: text('hash at link time'),
    pluginAt: Type.String(),
  },
  'a package that host and plugin hold in different builds',
);

export const PluginPair = closed(
  {
    plugin: text('path of the plugin in this document'),
    host: closed(
      {
        target: text('target that holds the host'),
        path: text('its path'),
        machine: Type.String(),
        class: Type.Integer(),
        endian: Type.String(),
        goVersion: maybeText('toolchain'),
        goVersionAt: maybeText('where that stands'),
        canLoad: maybeFlag('whether it can load Go plugins at all; null when that cannot be read'),
        settings: Type.Record(Type.String(), Type.String()),
      },
      'the process that opens it',
    ),
    sameMachine: flag('whether machine, class and byte order agree'),
    moduleData: oneOf(
      ['same', 'different-size', 'different-fields', 'unknown'],
      'whether both runtimes lay out their module data alike',
    ),
    moduleDataBytes: closed(
      { host: maybeCount('bytes'), plugin: maybeCount('bytes') },
      'size of runtime.firstmoduledata',
    ),
    packages: nullable(
      closed(
        {
          shared: count('packages that both hold'),
          differing: count('of these, with other hashes'),
          firstChecked: maybeText('the one the runtime names; null when none differs or the order cannot be read'),
          differences: Type.Array(HashDifference, { description: 'in the order of the check, the first 64' }),
        },
        'package hashes; null when either file has none',
      ),
    ),
    modules: Type.Array(
      closed({ path: Type.String(), host: Type.String(), plugin: Type.String() }, 'a dependency at two versions'),
      { description: 'dependencies that both build information list, at different versions' },
    ),
    outcome: nullable(oneOf(['crashes', 'fails'], 'what is certain; null when nothing is')),
    message: maybeText('what Go prints'),
    rebuild: maybeText(
      'the command that builds the plugin as the host was built; null where the host does not say how',
    ),
    prediction: nullable(
      closed(
        {
          outcome: Outcome,
          reason: text('as elfgate predict gives it'),
          message: maybeText('what Go prints; null when it loads or the text cannot be told'),
          recoverable: flag('whether the host can go on'),
          undecided: flag('whether the outcome cannot be told: then it stands as fails'),
        },
        'what plugin.Open does when the host opens this plugin first; null when it cannot be followed: the host cannot be read, or what it depends on was not kept of an image',
      ),
    ),
  },
  'a plugin and a host that may open it',
);

export const PluginSequence = closed(
  {
    host: closed({ target: text('target that holds the host'), path: text('its path') }, 'the process that opens them'),
    order: oneOf(
      ['given', 'by-path', 'reversed'],
      'given: of the command line; the others are two possible orders of plugins that were found',
    ),
    plugins: count('how many are opened in it'),
    results: Type.Array(
      closed(
        {
          position: count('place in the order, from zero'),
          plugin: text('path of the plugin in this document'),
          outcome: Outcome,
          reason: text('as elfgate predict gives it'),
          message: maybeText('what Go prints'),
          undecided: flag('whether the outcome cannot be told'),
          alone: Outcome,
          aloneUndecided: flag('whether the outcome of the plugin alone cannot be told'),
          earlier: nullable(
            closed(
              {
                target: text('target that holds it'),
                path: text('its path'),
                at: text('place'),
                value: text('what stands there'),
              },
              'the plugin before it that is the cause',
            ),
          ),
        },
        'what happens to one of them',
      ),
      { description: 'of the plugins in this document' },
    ),
  },
  'plugins that one host opens after each other',
);

export const PluginHost = closed(
  {
    path: text('path of the host in this document'),
    given: flag('whether the caller says that it is one'),
    plugins: count('Go plugins that it was paired with'),
  },
  'a program that is to open plugins',
);

export const GlobalScopeNeed = closed(
  {
    path: text('object in this document whose symbols are undefined'),
    symbols: Type.Array(
      closed(
        {
          name: Type.String(),
          provider: maybeText('object that defines it and is not needed; null when none of the set does'),
        },
        'a symbol that only another dlopened object defines',
      ),
    ),
    count: count('how many such symbols there are'),
    certain: flag('false when a needed library outside the set could define them too'),
  },
  'an object that works only when another was opened before it with RTLD_GLOBAL',
);

export const NameServiceUse = closed(
  {
    path: text('static program in this document'),
    service: text('as nsswitch.conf names it'),
    module: text('library that is loaded for it'),
    databases: texts('databases that name it and that the program may ask'),
    asked: oneOf(['surely', 'maybe'], 'whether every look-up that files do not answer comes to it'),
    verdict: oneOf(['certain', 'possible', 'none'], 'whether the program dies of it'),
    reason: oneOf(
      [
        'other-release',
        'thread-storage',
        'library-thread-storage',
        'library-missing',
        'release-not-known',
        'same-release',
        'stands-alone',
      ],
      'why',
    ),
    shown: text('what shows it'),
  },
  'a service module that a static program may load',
);

const listed = 'the first 64';

export const Linkage = closed(
  {
    path: text('program or library in this document'),
    program: flag('whether it is started, and not loaded into another'),
    undecided: maybeText('why its libraries cannot be worked out; null when they were, and the rest is then exact'),
    missing: Type.Array(
      closed(
        {
          name: text('the library'),
          neededBy: text('object that names it'),
          refused: maybeText('why the loader refuses what it finds under that name; null when it finds nothing'),
          elsewhere: maybeText('a file of that name that is not in the search path'),
        },
        'a library that is not found',
      ),
      { description: listed },
    ),
    versions: Type.Array(
      closed(
        {
          library: Type.String(),
          version: Type.String(),
          neededBy: text('object that asks for it'),
          provider: maybeText('library that lacks it; null when none of that name is loaded'),
        },
        'a symbol version that is asked for and not there',
      ),
      { description: listed },
    ),
    unresolved: Type.Array(
      closed(
        {
          symbol: Type.String(),
          version: maybeText('symbol version'),
          neededBy: text('object that refers to it'),
          lazy: flag('whether it fails when it is first called, and not when it is loaded'),
          elsewhere: maybeText('an object of the root that defines it and is not loaded along'),
        },
        'a strong reference that nothing defines',
      ),
      { description: listed },
    ),
    unresolvedCount: count('how many such references there are'),
  },
  'an object that its loader will not, or not without doubt, bind completely; the others are left out',
);

export const NeededCycle = closed(
  {
    paths: texts('objects that need each other, in load order'),
    kind: oneOf(['needed', 'initialiser'], 'by DT_NEEDED, or by what initialisers may open with dlopen'),
    evidence: Type.Array(closed({ path: Type.String(), at: Type.String(), value: Type.String() }, 'what shows it')),
  },
  'objects whose initialisers cannot all run after those of what they use',
);

export const Interposition = closed(
  {
    symbol: Type.String(),
    winner: text('object whose definition everyone gets'),
    shadowed: Type.Array(
      closed(
        {
          path: text('object whose own definition is passed over'),
          binds: flag('whether the object itself refers to it by a relocation, and so gets the other one'),
          users: texts('objects that need this one and refer to the symbol, and so get the other one'),
        },
        'a definition that loses',
      ),
    ),
  },
  'a strong symbol that several objects of one scope define',
);

export const HiddenReference = closed(
  {
    path: text('shared object in this document, with Go code, that refers to the symbol'),
    symbol: Type.String(),
    at: text('place of the reference'),
    hiddenIn: nullable(
      closed(
        { path: text('object that defines it'), at: text('place of the definition') },
        'an object that keeps it to itself: static, or of hidden visibility',
      ),
    ),
    doubt: maybeText('why it cannot be told whether an object hides it; null where it can'),
  },
  'a reference that nothing answers',
);

export const SecondRuntime = closed(
  {
    path: text('object in this document that brings a Go runtime of its own'),
    by: oneOf(
      ['needed', 'plugin', 'preload', 'unknown'],
      'what puts it into a process: DT_NEEDED, plugin.Open or LD_PRELOAD; unknown: nothing that was inspected',
    ),
    process: nullable(
      closed({ target: text('target that holds it'), path: text('its path') }, 'the Go program; null when not known'),
    ),
    at: maybeText('place in the program that shows it'),
    value: maybeText('what stands there'),
  },
  'two Go runtimes in one process',
);

const cLibrary = (description: string) => oneOf(['glibc', 'musl'], description);

export const Mixture = closed(
  {
    path: text('object in this document'),
    libc: cLibrary('what it is linked with'),
    other: closed(
      { target: text('target that holds it'), path: text('its path'), libc: cLibrary('what that is linked with') },
      'the object that brings the other C library',
    ),
    why: oneOf(['needed', 'opened'], 'how both come into one process: by DT_NEEDED, or as a plugin and its host'),
  },
  'objects of two C libraries in one process',
);

export const Root = closed(
  {
    platform: nullable(
      closed(
        { machine: Type.String(), class: Type.Integer(), endian: Type.String(), from: text('what shows it') },
        'what it is built for',
      ),
    ),
    libc: nullable(
      closed(
        {
          kind: oneOf(['glibc', 'musl'], 'which'),
          version: maybeText('its release'),
          path: Type.String(),
          tunables: texts('tunables that its loader knows, without those of the processor'),
        },
        'its C library',
      ),
    ),
    nsswitch: nullable(
      closed(
        {
          path: Type.String(),
          databases: Type.Record(Type.String(), Type.Array(Type.String())),
          conditional: Type.Record(Type.String(), Type.Array(Type.String()), {
            description: 'of these, services behind an action in brackets',
          }),
        },
        'services by database',
      ),
    ),
    nssModules: Type.Array(
      closed(
        {
          service: Type.String(),
          path: maybeText('null when the library is absent'),
          machine: maybeText('as of binaries'),
          class: maybeCount('address width in bits'),
          staticTls: maybeFlag('has thread-local storage'),
          tlsLibrary: maybeText('a library that it needs and that has thread-local storage'),
          missingLibrary: maybeText('a library that it needs and that the usual directories lack'),
          needsLibc: maybeFlag('whether the C library is loaded with it'),
        },
        'a module that a static glibc would load',
      ),
    ),
    osRelease: nullable(
      closed(
        { id: maybeText('as debian'), versionId: maybeText('as 12'), name: maybeText('for people') },
        '/etc/os-release',
      ),
    ),
  },
  'the root file system that a directory or image makes up',
);

export const ImageDescription = closed(
  {
    reference: text('as a person would name it'),
    indexDigest: maybeText('of the index that it was picked from'),
    platform: text('as linux/arm64 or linux/arm/v7'),
    labels: Type.Record(Type.String(), Type.String(), { description: 'of its configuration' }),
    layers: Type.Array(
      closed(
        {
          digest: text('of the bytes as stored'),
          diffId: maybeText('of the uncompressed archive'),
          size: maybeCount('bytes as stored'),
          mediaType: Type.String(),
        },
        'a layer',
      ),
      { description: 'from the lowest to the topmost' },
    ),
  },
  'an image for one platform',
);

export const Launch = closed(
  {
    user: text('as configured; empty for root, and for processes'),
    workingDirectory: Type.String(),
    entrypoint: texts('the program and its fixed arguments'),
    arguments: texts('what follows unless somebody names other ones; empty for processes'),
    environment: Type.Array(
      closed(
        { name: Type.String(), value: maybeText('null unless the loader or a runtime reads it: it may be a secret') },
        'a variable',
      ),
    ),
    preload: texts('libraries of LD_PRELOAD'),
    libraryPath: texts('directories of LD_LIBRARY_PATH'),
    executable: maybeText('path in the root of the file that is started; null when there is none'),
  },
  'how the process of an image is started, or was',
);

export const Problem = closed(
  { path: text('file'), code: text('error code'), message: text('one sentence') },
  'a file that could not be read; the others are still reported',
);

const Profiles = closed(
  {
    seccomp: maybeText('RuntimeDefault, Localhost or Unconfined'),
    appArmor: maybeText('RuntimeDefault, Localhost or Unconfined'),
    seLinux: maybeText('SELinux type, or another option that is set'),
  },
  'what confines a container, its own or that of the pod; null where neither names one',
);

const PodMount = closed(
  {
    volume: text('name of the volume'),
    path: text('where the container sees it'),
    readOnly: flag('whether the container cannot write there; image volumes are read-only always'),
    kind: maybeText('what the volume is: image, emptyDir, hostPath; null when the pod has no such volume'),
    hostPath: maybeText('directory of the node'),
    plugins: maybeCount('plugins that are known to come by it; null when that cannot be known'),
  },
  'a volume in a container',
);

const PodContainer = closed(
  {
    at: text('path in the object: spec.template.spec.containers[0]'),
    kind: oneOf(['init', 'main', 'ephemeral'], 'when it runs'),
    name: Type.String(),
    image: text('as written'),
    hosts: maybeCount('programs of its image that open plugins; null when the image was not inspected'),
    allowPrivilegeEscalation: maybeFlag('null where the pod does not say, which is true'),
    privileged: maybeFlag('null where the pod does not say, which is false'),
    capabilities: texts('added capabilities'),
    readOnlyRoot: maybeFlag('null where the pod does not say, which is false'),
    profiles: Profiles,
    mounts: Type.Array(PodMount),
  },
  'a container',
);

const TrafficRoute = closed(
  {
    at: text('path in the object: spec.http[0]'),
    backends: Type.Array(closed({ name: Type.String(), percent: Type.Number() }, 'a share of the requests')),
  },
  'how one route shares its requests',
);

export const Workload = closed(
  {
    apiVersion: Type.String(),
    kind: Type.String(),
    namespace: maybeText('null for a manifest that names none'),
    name: maybeText('null before the cluster has given one'),
    namespaceLabels: nullable(
      Type.Record(Type.String(), Type.String(), {
        description: 'labels of its namespace; null when they are not known',
      }),
    ),
    review: Type.Any({
      description:
        'the AdmissionRequest of Kubernetes with the whole object, for policies that were written for other programs; null where no policy reads it',
    }),
    operation: nullable(oneOf(['create', 'update'], 'what is done with it; null outside of a cluster')),
    pods: Type.Array(
      closed(
        {
          at: text('path of the pod template in the object; empty for a pod'),
          hostUsers: maybeFlag(
            'whether it shares the user namespace of the node; null where it does not say, which is true',
          ),
          containers: Type.Array(PodContainer),
        },
        'a pod, or what pods are made from',
      ),
    ),
    traffic: nullable(
      closed(
        {
          before: nullable(Type.Array(TrafficRoute, { description: 'null when it is new, or not known' })),
          after: Type.Array(TrafficRoute),
        },
        'of an Istio VirtualService or a Gateway API HTTPRoute',
      ),
    ),
    sources: Type.Array(
      closed(
        {
          at: text('path in the object'),
          kind: oneOf(['chart', 'git', 'oci'], 'what it is'),
          reference: text('as written'),
          revision: maybeText('version, tag, digest, branch or commit; null for the newest'),
          pinned: maybeFlag('whether it names the same content for ever; null when another object says'),
          verified: maybeFlag('whether a signature is verified; null when that is said elsewhere'),
        },
        'where a controller fetches what it installs',
      ),
    ),
  },
  'an object of a cluster',
);

const signature = {
  kind: oneOf(['cosign', 'sigstore-bundle', 'notation'], 'format'),
  at: text('tag, digest or file that holds it'),
  verified: flag('whether somebody who is trusted made it, about this very artifact'),
  signer: maybeText('who signed; null when that is not proven'),
  issuer: maybeText('who vouched for the signer; null for keys'),
  signedAt: maybeText('when, as far as that is proven'),
  reason: maybeText('why it is not accepted; null when it is'),
};

const Signature = closed(signature, 'a signature, as it was judged');

const Attestation = closed(
  {
    ...signature,
    predicateType: maybeText('what kind of claim it is; null when it cannot be read'),
    provenance: nullable(
      closed(
        {
          builder: maybeText('who built it'),
          buildType: maybeText('how'),
          source: maybeText('repository of the sources'),
          revision: maybeText('their commit'),
        },
        'SLSA provenance',
      ),
    ),
    scan: nullable(
      closed(
        {
          scanner: maybeText('program that looked'),
          finishedAt: maybeText('when it was done'),
          vulnerabilities: Type.Array(
            closed(
              {
                id: text('as CVE-2025-1234'),
                severity: oneOf(['critical', 'high', 'medium', 'low', 'unknown'], 'by the scanner'),
                component: maybeText('package and version'),
              },
              'a vulnerability',
            ),
          ),
        },
        'a vulnerability scan',
      ),
    ),
    exploitability: nullable(
      Type.Array(
        closed(
          {
            vulnerability: text('as CVE-2025-1234'),
            status: oneOf(['not_affected', 'affected', 'fixed', 'under_investigation'], 'as OpenVEX has it'),
            justification: maybeText('why it does not matter'),
          },
          'what the maker says about a vulnerability',
        ),
      ),
    ),
    fipsReport: nullable(FipsReport),
    serviceLevel: nullable(ServiceLevel),
    canary: nullable(CanaryMeasurement),
    materials: nullable(
      closed(
        {
          format: oneOf(['spdx', 'cyclonedx'], 'of the list'),
          version: maybeText('of the format'),
          components: Type.Integer({ minimum: 0 }),
        },
        'what it is made of',
      ),
    ),
  },
  'an attestation; what it claims is stated only when it is verified',
);

export const Trust = closed(
  {
    judgedAt: text('when; what has expired by then is not verified'),
    decidedBy: maybeText('pattern of the configuration that says who is trusted; null when nobody is'),
    pinned: maybeFlag('whether the reference names a digest; null for files'),
    verified: maybeFlag('whether somebody who is trusted signed it; null when that could not be told, or nobody is'),
    undecided: maybeText('why it could not be told'),
    signatures: Type.Array(Signature),
    attestations: Type.Array(Attestation),
    missingAttestations: texts('predicate types that the configuration requires and no trusted signer attests'),
    listedDigest: nullable(
      closed({ file: text('the list'), sha256: text('hexadecimal') }, 'what a SHA256SUMS file next to it says'),
    ),
    factsSignedBy: maybeText('who signed the facts that were taken from the registry; null when they were not'),
  },
  'who made it',
);

export const FactsDocument = Type.Object(
  {
    schemaVersion: Type.Literal(schemaVersion),
    subject: closed(
      {
        kind: oneOf(['file', 'directory', 'image', 'process', 'workload'], 'what was inspected'),
        name: text('target as the caller wrote it'),
        digest: maybeText('sha256:… of a file or image'),
      },
      'what the facts are about',
    ),
    image: nullable(ImageDescription),
    launch: nullable(Launch),
    root: nullable(Root),
    binaries: Type.Array(Binary),
    predictions: closed(
      {
        plugins: Type.Array(PluginPair),
        sequences: Type.Array(PluginSequence),
        hosts: Type.Array(PluginHost),
        globalScope: Type.Array(GlobalScopeNeed),
        linkage: Type.Array(Linkage),
        cycles: Type.Array(NeededCycle),
        interposed: Type.Array(Interposition),
        nameServices: Type.Array(NameServiceUse),
        hiddenReferences: Type.Array(HiddenReference),
        secondRuntimes: Type.Array(SecondRuntime),
        mixtures: Type.Array(Mixture),
      },
      'what will happen at load time',
    ),
    workload: nullable(Workload),
    trust: nullable(Trust),
    problems: Type.Array(Problem),
  },
  {
    $id: 'https://elfgate.dev/schema/facts/v1.json',
    title: 'elfgate facts',
    description: 'What elfgate states about the native code of one target.',
    additionalProperties: false,
  },
);

export type FactsDocument = Readonly<Static<typeof FactsDocument>>;
export type BinaryFacts = Static<typeof Binary>;
export type ElfFacts = Static<typeof Elf>;
export type GoFacts = Static<typeof Go>;
export type LibcFacts = Static<typeof Libc>;
export type SearchPathFacts = Static<typeof SearchPath>;
export type PluginPairFacts = Static<typeof PluginPair>;
export type PluginSequenceFacts = Static<typeof PluginSequence>;
export type GlobalScopeFacts = Static<typeof GlobalScopeNeed>;
export type LinkageFacts = Static<typeof Linkage>;
export type CycleFacts = Static<typeof NeededCycle>;
export type InterpositionFacts = Static<typeof Interposition>;
export type HiddenReferenceFacts = Static<typeof HiddenReference>;
export type SecondRuntimeFacts = Static<typeof SecondRuntime>;
export type MixtureFacts = Static<typeof Mixture>;
export type NameServiceFacts = Static<typeof NameServiceUse>;
export type RootFacts = Static<typeof Root>;
export type ProblemFacts = Static<typeof Problem>;
export type WorkloadFacts = Static<typeof Workload>;
export type ImageFacts = Static<typeof ImageDescription>;
export type LaunchFacts = Static<typeof Launch>;
export type TrustFacts = Static<typeof Trust>;
export type SignatureFacts = Static<typeof Signature>;
export type AttestationFacts = Static<typeof Attestation>;
