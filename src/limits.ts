/**
 * Every bound that elfgate puts on what it reads, in one place, each with its reason. All are far above what real
 * files hold (the largest seen is named) and low enough that a file made to exhaust its reader cannot.
 */
export const limits = {
  /** Section headers of one file. Objects built with -ffunction-sections hold tens of thousands. */
  sections: 262_144,
  /** Sections that a place in a file is looked for in, to name it in evidence. Linked files have about 40. */
  namedSections: 4_096,
  /**
   * Loadable segments that overlap in memory, which no linker writes but overlays of small devices do; those that do
   * not overlap are found by halving and need no bound.
   */
  overlappingSegments: 256,
  /** Elements of DT_RPATH or DT_RUNPATH. Package managers that give each library a directory reach 200. */
  searchPathElements: 4_096,
  /** Program headers of one file. Real ones hold about 15; core files one a mapping, up to 65,530 by default in Linux. */
  segments: 131_072,
  /** Entries of a dynamic section. Programs of a hundred libraries hold 130. */
  dynamicEntries: 16_384,
  /** Symbols that the run-time linker works with, which are read at once. node has 75,000, libLLVM 40,000. */
  dynamicSymbols: 1_048_576,
  /** Symbols of one table. Chromium with debug symbols has about 3 million. */
  symbols: 16_777_216,
  /** Bytes of a string table that is read at once. libLLVM's .dynstr is 5 MB, a Go host's 1 MB. */
  stringTableBytes: 134_217_728,
  /** Bytes of one name. C++ names of heavy templates reach 64 KB. */
  nameBytes: 1_048_576,
  /** Version records (needed or defined) of one file. libc defines about 40, and programs need as many. */
  versionRecords: 8_192,
  /** Relocations of one table. libLLVM has 700,000 RELATIVE ones. */
  relocations: 33_554_432,
  /** Relocations of one file that refer to symbols, which are kept in memory. libLLVM has 70,000, a Go host 30,000. */
  symbolRelocations: 2_097_152,
  /** Types of relocations of one file of which it is kept what all of a type have in common. Processors have some twenty. */
  relocationTypes: 64,
  /** Segments and sections of one file that hold notes. Programs have three. */
  noteTables: 256,
  /** Notes of one file. Programs have about four; the Linux kernel's own file some dozens. */
  notes: 4_096,
  /** Bytes of all notes of one file. Build ids have 20, property notes some dozens. */
  noteBytes: 1_048_576,
  /** Bytes of .comment. A line a compiler version; linking a thousand objects still merges them to a few. */
  commentBytes: 1_048_576,
  /** Bytes of PT_INTERP. PATH_MAX of Linux. */
  interpreterBytes: 4_096,
  /** Bytes of Go build information. 1 MB holds about 10,000 modules; the largest known program has 2,000. */
  goBuildInfoBytes: 1_048_576,
  /** Packages of one Go binary whose hashes are kept. Kubernetes' largest programs are made of about 2,500. */
  goPackages: 32_768,
  /** Functions in Go's pclntab. Kubernetes' largest programs have about 200,000. */
  goFunctions: 4_194_304,
  /** Bytes of Go's function name table. */
  goFunctionNameBytes: 268_435_456,
  /** Names of one binary that go into the facts when its interface is asked for; rules judge each one. */
  surfaceNames: 4_096,
  /** Packages of a host and plugin pair that are listed by name in the facts; all are counted. */
  listedPackages: 64,
  /** Host and plugin pairs compared in one document: a directory of 30 hosts and 30 plugins is 900. */
  pluginPairs: 1_024,
  /** Plugins that one host is followed with, one after the other. Hosts of a hundred plugins exist, of a thousand do not. */
  sequencePlugins: 128,
  /** Plugins that all hosts of a run are followed with: each takes some 50 milliseconds and keeps its file open. */
  predictedOpenings: 256,
  /** Levels of directories below a target. PATH_MAX allows 2,048 one-letter names; real trees stay below 64. */
  directoryDepth: 256,
  /** Bytes of a text file of a root (nsswitch.conf, os-release, ld.so.conf) that are read. */
  rootTextBytes: 1_048_576,
  /** Tunables of one glibc. 2.41 has 43. */
  tunables: 1_024,
  /** Services of nsswitch.conf whose modules are looked for. Files of ten databases name ten. */
  nameServices: 256,
  /** Libraries that one module of a name service needs. libnss_systemd needs three, those of directories twenty. */
  nameServiceLibraries: 64,
  /** Policy files of all directories together. The shipped rules are about 150 with their tests. */
  policyFiles: 10_000,
  /** Bytes of one policy file. Recorded facts in tests are the largest, with some tens of kilobytes. */
  policyFileBytes: 4_194_304,
  /** Bytes of a document that is given to policies, as input or as data. Exports of whole clusters reach some tens of MB. */
  documentBytes: 67_108_864,
  /** Values in such a document, counted where they stand: 64 MiB of JSON in short fields are about five million. */
  documentValues: 8_388_608,
  /** Bytes of a policy bundle, packed; and unpacked. Hundred rules are 0.5 MB packed and 3 MB unpacked, their Wasm included. */
  policyBundleBytes: 67_108_864,
  policyBundleUnpackedBytes: 268_435_456,
  /** Levels of policy directories. Rules lie three levels deep; a link that leads back to its parent ends here. */
  policyDirectoryDepth: 16,
  /** Bytes of elfgate.yaml. A thousand exceptions take about 200 KB. */
  configurationBytes: 4_194_304,
  /** Levels of elfgate.yaml. A configuration has six. */
  configurationDepth: 32,
  /** Bytes of facts as a policy keeps them, about two and a half times their JSON. Those of a large image are about 3 MB. */
  evaluationInputBytes: 167_772_160,
  /** Levels of the facts, which have about ten. The parser in the compiled policy calls itself once a level. */
  evaluationInputDepth: 128,
  /** Pages of 64 KiB that an evaluation may take: 1 GiB. An input at its limit takes a sixth of it. */
  evaluationMemoryPages: 16_384,
  /** Bytes of an instance's memory, which never shrinks; one that grew beyond this is given up after the evaluation. */
  evaluationBytesKept: 67_108_864,
  /** The same for the program that answers some built-ins, which is larger to begin with, and slow to start. */
  opaBuiltinBytesKept: 268_435_456,
  /** Items of what one built-in gives: numbers of a range, addresses of a network. A /12 of IPv4 is this many. */
  builtinItems: 1_048_576,
  /** Milliseconds of one evaluation on the command line. The facts of a large image, about 1 MB, take some 20. */
  evaluationMilliseconds: 60_000,
  /** Inputs that wait for a thread of the pool. Ten seconds' worth of admission reviews at a thousand a second. */
  evaluationsWaiting: 10_000,
  /** Inputs handed to one thread ahead of time, so that it does not idle while its last answer travels. */
  evaluationsAhead: 8,
  /** Questions of one message to a thread of the pool, which are answered by one message. More would wait for each other too long. */
  questionsTogether: 4,
  /** Inputs of one question to a thread of the pool. A review has three or so; one of a thousand is for all threads. */
  evaluationsTogether: 8,
  /** MB of JavaScript heap of an evaluating thread: built-ins build their results there. */
  evaluatorHeapMegabytes: 512,
  /** Bytes of a path, PATH_MAX of Linux: longer ones name nothing. */
  pathBytes: 4_096,
  /** Bytes of a file's name, NAME_MAX of Linux. */
  fileNameBytes: 255,
  /** Bytes of ld.so.cache. 8 million are 100,000 libraries; distributions with everything installed have 10,000. */
  loaderCacheBytes: 16_777_216,
  /** Entries of ld.so.cache for one name: one for each platform and each directory of glibc-hwcaps; ten are many. */
  loaderCacheEntriesOfName: 256,
  /** Names of capabilities in ld.so.cache; glibc itself stops at this many. */
  loaderCacheHwcaps: 1_024,
  /** Bytes of a loader that is searched for the directories compiled into it. glibc's has 200 KB, musl's 600 KB. */
  loaderBytes: 33_554_432,
  /** Bytes of musl's ld-musl-ARCH.path. A few lines in real roots. */
  loaderPathFileBytes: 65_536,
  /** Libraries of one closure. Programs of a thousand exist (KDE, Chromium's component build), of ten thousand do not. */
  closureMembers: 16_384,
  /** Times that libraries ask for libraries in one closure: some hundred for each of a thousand members. */
  closureRequests: 131_072,
  /** Places that are looked at for one closure. Programs of a thousand libraries look at some five thousand. */
  searchedPlaces: 131_072,
  /** Elements of search paths that are listed as not followed. */
  unsearchedListed: 256,
  /** Bytes of a list of libraries to load first. */
  preloadListBytes: 65_536,
  /** Objects of one root that are kept read. A root of 100,000 files keeps about 100 MB by this and the next bound. */
  shelfObjects: 32_768,
  /** Paths of one root whose meaning is kept. */
  shelfPaths: 131_072,
  /**
   * Bytes of symbol tables that are kept, of the libraries used last; those of one large program alone are about 30 MB.
   * Four times as many make resolving a Debian root no faster (measured), because its programs share few libraries.
   */
  shelfSymbolBytes: 8_388_608,
  /**
   * Bytes of hash chains that are kept of the objects of a root, to tell who defines a symbol without opening each again.
   * Those of a thousand files of 2 GB take 2 MB.
   */
  keptChainBytes: 16_777_216,
  /** Versions of libraries that are kept, needed and defined ones. A Debian root has some five thousand. */
  shelfVersions: 262_144,
  /** Steps of binding the symbols of one file. The largest programs, of half a million references, take ten million. */
  bindingSteps: 268_435_456,
  /** The same of all files of one root together. A Debian root of 700 files takes two million. */
  rootBindingSteps: 536_870_912,
  /** Bytes of what is kept about pairs of libraries whose symbols were compared. */
  remainderPairBytes: 33_554_432,
  /** Bytes of a manifest or index; registries take 4 MiB at most, as the distribution specification advises. */
  manifestBytes: 4_194_304,
  /** Entries of an index, and layers of an image. Overlay file systems end at some 500 layers, indexes have ten images. */
  manifestEntries: 4_096,
  /** Bytes of an image's configuration. Those of a hundred layers with long histories are about 100 KB. */
  imageConfigBytes: 4_194_304,
  /** Entries of an archive of images, which holds two a layer. */
  archiveEntries: 65_536,
  /** Bytes of the head of an answer; tokens of large companies in addresses reach 16 KB. */
  registryHeaderBytes: 65_536,
  /** Milliseconds in which a registry may say nothing: before an answer, and between two parts of one. */
  registrySilenceMilliseconds: 30_000,
  /** Milliseconds for an answer that is no blob, and for 64 KiB of a blob: a kilobyte a second, as a modem had. */
  registryAnswerMilliseconds: 60_000,
  /** Bytes of a blob that are to come within that time. */
  registryLeastBytes: 65_536,
  /** Bytes of a token service's answer. Tokens with thousands of group claims reach 100 KB. */
  registryTokenBytes: 1_048_576,
  /** Milliseconds for all of asking for a token. */
  registryTokenMilliseconds: 60_000,
  /** Bytes of an error that a registry describes; only its code is used. */
  registryErrorBytes: 65_536,
  /** Bytes of one page of a list of tags, repositories or referrers. A page of 10,000 tags takes 500 KB. */
  registryPageBytes: 8_388_608,
  /** Pages of one list. */
  registryPages: 10_000,
  /** Entries of one list. The largest public repositories have 100,000 tags. */
  registryListEntries: 1_000_000,
  /** Referrers of one image: a signature a build and some attestations in real life. */
  referrers: 4_096,
  /** Tries of one request, and breaks of one blob without a single byte in between. */
  registryTries: 5,
  /** Breaks of one blob that are mended; at 5 GB that is one every 80 MB. */
  blobResumptions: 64,
  /** Milliseconds that a registry may ask to be left alone (Retry-After) and is waited for. Docker Hub names a minute. */
  registryRetryAfterMilliseconds: 60_000,
  /** Bytes of a docker configuration file. Those with pull secrets of a hundred registries are about 50 KB. */
  dockerConfigBytes: 4_194_304,
  /** Bytes of what a credential helper says. */
  credentialHelperBytes: 1_048_576,
  /** Milliseconds that a credential helper may take; those of clouds ask their servers. */
  credentialHelperMilliseconds: 30_000,
  /** Tries of one image by the workers of a scan, a second and more apart. */
  scanAttempts: 4,
  /** Times that Redis is connected to again before it is given up: about a minute. */
  redisReconnections: 30,
  /** Characters of an image reference: those of a repository, a tag and the longest digest. */
  referenceBytes: 1_024,
  /** Characters of a repository's name, as docker and the registries have it. */
  repositoryNameBytes: 255,
  /** Containers, and volumes, of one pod. etcd takes objects of 1.5 MB: some 10,000 of the smallest; real pods have 30. */
  podContainers: 4_096,
  /** Bytes of an extended header of a tar archive. Names, and attributes such as file capabilities, take hundreds. */
  tarExtensionBytes: 1_048_576,
  /** Stored pieces of one sparse file in a tar archive. Disk images have thousands; binaries have none. */
  tarSparsePieces: 16_384,
  /** Entries of all layers of an image. Images with several node_modules reach 500,000; each takes memory. */
  imageEntries: 1_048_576,
  /** Bytes of one layer once inflated. The largest of machine learning have 20 GB. */
  layerBytes: 34_359_738_368,
  /** How many times its size a layer may inflate to, once it is past the next bound. Real ones stay below 20. */
  layerInflation: 200,
  /** Bytes from which that is asked: layers of empty files inflate a thousand times, and are small. */
  layerInflationFrom: 1_073_741_824,
  /** Bytes of one kept file of an image. Libraries of GPU kernels have 2 GB. */
  keptFileBytes: 4_294_967_296,
  /** Bytes that a layer's kept sparse files have and its archive does not: linkers leave a page or two, bombs gigabytes. */
  keptHoleBytes: 268_435_456,
  /** Bytes of all kept files of an image, nearly all of which lie in a temporary file. */
  keptImageBytes: 17_179_869_184,
  /** Bytes of the kept files of an image that stay in memory; the rest goes to a temporary file. */
  keptInMemoryBytes: 16_777_216,
  /** Bytes of one kept file that may stay in memory: most have some hundred thousand. */
  keptFileInMemoryBytes: 1_048_576,
  /** Bytes of layers as stored below which an image is inspected on one thread: in less time than others take to start. */
  inspectedAtOnceBytes: 8_388_608,
  /**
   * Bytes of symbol tables that threads hand over with what else they found out about the binaries of an image. Those of a
   * Debian root take 4 MB; what is more is read again.
   */
  earlySymbolBytes: 16_777_216,
  /**
   * Bytes of layers as stored up to which references are looked up while they are inflated: what that takes in memory is a tenth
   * of all for a larger image, and what it spares a hundredth of the time.
   */
  boundEarlyBytes: 268_435_456,
  /** Bytes of a file of Kubernetes objects. Charts of a whole platform render to some 5 MB. */
  manifestFileBytes: 67_108_864,
  /** Bytes of an image's facts once inflated. A Debian root of 900 binaries takes 2 MB. */
  storedFactsBytes: 536_870_912,
  /**
   * Bytes that are kept of the root of an image with plugin hosts or plugins, with its paths. Those of a Debian root with a
   * host take 6 MB, and 1.5 MB once compressed.
   */
  keptRootBytes: 67_108_864,
  /** Entries of such a root: a Debian root has 9,000, one with the modules of a large program in Node 100,000. */
  keptRootEntries: 262_144,
  /** Bytes of the files among them: a plugin or host has about 1 MB that loaders look at, libraries a tenth of it. */
  keptPartsBytes: 50_331_648,
  /**
   * Bytes of each part of the cache that policies are kept in: eight hundred compiled bundles, or seven of the programs that
   * compile them.
   */
  cachedPolicyBytes: 268_435_456,
  /** Bytes of all facts on disk: those of some thousand large images, which take about 150 KB each compressed. */
  factsStoreBytes: 536_870_912,
  /** Bytes of memory that the hash of one Go package takes, name and place included; a host of 500 packages 100 KB. */
  packageHashMemory: 256,
  /** Bytes of one attestation or bundle. SBOMs of large images have about 30 MB; signatures a few kilobytes. */
  attestationBytes: 67_108_864,
  /** Levels of JSON in signatures and attestations. SBOMs and scan reports have about fifteen. */
  attestationDepth: 128,
  /** Keys of one file. Rotation needs two or three. */
  publicKeys: 64,
  /** Certificates of one file of roots. Mozilla's whole list has 150. */
  trustedCertificates: 1_024,
  /** Certificates from a signer to its root. Own authorities have three or four. */
  chainCertificates: 8,
  /** Certificates that are looked at for one chain, so that a set in which all issue each other comes to an end. */
  chainSteps: 256,
  /** Signatures and attestations of one image that are read. Images built every day gather some hundred. */
  attachedArtifacts: 512,
  /** Vulnerabilities, and statements about them, of one attestation. Scans of neglected images have some thousand. */
  attestedVulnerabilities: 16_384,
  /** Milliseconds of one call of cosign, which asks a registry and a KMS. */
  cosignMilliseconds: 60_000,
  /** Bytes that cosign may write. A verified signature of an image takes some kilobytes, an attestation up to 90 MB. */
  cosignOutputBytes: 134_217_728,
  /** Bytes of one manifest that holds signatures. Each signature takes about 3 KB in cosign's first format. */
  attachedManifestBytes: 4_194_304,
  /** Bytes of one AdmissionReview. An UPDATE of the largest pod that etcd takes is 3.1 MB; other servers add to that. */
  reviewBytes: 16_777_216,
  /** Connections of the webhook. An API server opens about as many as it has reviews in flight: some hundred. */
  serverConnections: 4_096,
  /** Bytes of images' facts in memory, estimated. Those of a distribution's root are about 5 MB, of an application 1 MB. */
  factsMemoryBytes: 268_435_456,
  /** Images that one webhook inspects at the same time: each takes a processor and up to 250 MB. */
  imageInspections: 4,
  /** Images of which the webhook remembers who signed them, for so many milliseconds: less than a person waits after signing. */
  trustReports: 4_096,
  trustReportMilliseconds: 20_000,
  /** Sets of pull secrets whose content the webhook remembers for so many milliseconds. A cluster has some hundred. */
  pullSecretSets: 1_024,
  pullSecretMilliseconds: 60_000,
  /** Results of one report, workloads named by one of them, and characters of its texts: etcd takes objects up to 1.5 MB. */
  reportResults: 256,
  reportResources: 16,
  reportText: 512,
  /** Bytes of documents about images that reviews have in common. One is about as large as the facts of its images. */
  documentsMemoryBytes: 67_108_864,
  /** Keys of one request of Gatekeeper, which asks for all images of a review at once. */
  providerKeys: 1_024,
  /** Milliseconds of one evaluation during a review. The API server waits for 10 s by default, typical facts take one. */
  reviewEvaluationMilliseconds: 5_000,
  /** Bytes of a segment whose constants are searched for names of libraries. libclang's have 60 MB. */
  scannedConstantBytes: 67_108_864,
  /** Names of libraries among the constants of one file that are kept. A loader of plugins names some dozens. */
  scannedConstants: 1_024,
  /** Missing libraries, versions and symbols of one object that go into the facts; all are counted. */
  listedLinkage: 64,
  /** Objects of one process that are looked at together for names that shadow each other. A gateway has some dozens. */
  objectsTogether: 256,
  /** Hosts of one root whose processes are looked at like that. Images hold one or two. */
  interposedHosts: 16,
  /** Strong symbols of several objects in one scope that go into the facts. */
  listedInterposed: 256,
} as const;
