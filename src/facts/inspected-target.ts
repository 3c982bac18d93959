import type { Patience } from '../image/content-store.ts';
import type { FileTree } from '../image/file-tree.ts';
import type { Image } from '../image/image.ts';
import type { Platform } from '../image/platform.ts';
import type { RegistryClient } from '../image/registry/client.ts';
import type { InspectedBinary } from './binary-facts.ts';
import type { TreeLinkage } from './linkage-facts.ts';
import type { FactsDocument, PluginPairFacts, PluginSequenceFacts, ProblemFacts } from './schema.ts';
import type { FactsStore } from './store/facts-store.ts';

/** Something to inspect, and what the caller says it is. */
export interface Target {
  /** A path, an image or a process, as on the command line: see docs/contracts.md. */
  readonly name: string;
  readonly role: 'host' | 'plugin' | null;
}

/** What was found in a target: one for each platform of an image, and each container of a manifest. */
export interface InspectedContents {
  readonly kind: FactsDocument['subject']['kind'];
  /** `sha256:…` of a file or image. */
  readonly digest: string | null;
  /** Only files of the same process meet: those of other platforms or pods never do. */
  readonly meeting: Meeting;
  readonly binaries: readonly InspectedBinary[];
  /** The root file system that holds them, until the run ends; null for a single file, and for an image. */
  readonly tree: FileTree | null;
  readonly problems: readonly ProblemFacts[];
  readonly root: FactsDocument['root'];
  /** What the root's loader makes of its objects; nothing for a target without a root. */
  readonly linkage: TreeLinkage;
  readonly image: FactsDocument['image'];
  readonly launch: FactsDocument['launch'];
  /** What plugin.Open does inside an image; null where it opens nothing, and for targets whose files stay at hand. */
  readonly openings: ImageOpenings | null;
}

/** Hosts and plugins of one image, by their paths. Targets in the sequences have no name yet: ''. */
export interface ImageOpenings {
  readonly alone: readonly {
    readonly host: string;
    readonly plugin: string;
    readonly prediction: NonNullable<PluginPairFacts['prediction']>;
  }[];
  readonly sequences: readonly PluginSequenceFacts[];
  /** Whether there were more plugins than are followed. */
  readonly leftOut: boolean;
}

/** The same, named. Binaries that the caller named are still open. */
export interface InspectedTarget extends InspectedContents {
  /** Names it in findings; no other one of the same run has this name. */
  readonly name: string;
  readonly role: Target['role'];
  /** Who made it; absent where nobody asked. */
  readonly trust?: FactsDocument['trust'];
  /** What was kept of the root of an image; absent for other targets, and where nothing is at hand. */
  readonly keptRoot?: KeptRoot;
  /** What the container of a pod sees in its root instead of what its image has there; absent outside of pods. */
  readonly mounts?: readonly TargetMount[];
}

/** The root of an image as far as following plugin.Open reads it, for when it meets files of other images. */
export interface KeptRoot {
  /** As {@link import('./kept-roots.ts').keepRoot} gave it; null when it is not there any more. */
  read(): Promise<Uint8Array | null>;
  /** Bytes of memory that it takes meanwhile. */
  readonly heldBytes: number;
}

/** Something that is mounted into a container. */
export interface TargetMount {
  /** As the container sees it. */
  readonly path: string;
  /** Name of the target whose root it is; null for what is not known. */
  readonly target: string | null;
  /** The part of that root that is mounted; null for all of it. */
  readonly subPath: string | null;
}

export interface Meeting {
  /** `linux/amd64`; null where it is not known. */
  readonly platform: string | null;
  /** The container whose processes it is about; null for targets that are not part of a pod. */
  readonly container: string | null;
}

/** Whether files of two targets can be loaded into one process. */
export function canMeet(one: Meeting, other: Meeting): boolean {
  const samePlatform = one.platform === null || other.platform === null || one.platform === other.platform;
  return samePlatform && one.container === other.container;
}

export interface InspectOptions {
  /** Whether symbols are listed and not only counted. */
  readonly symbols: 'listed' | 'counted';
  /** Called before each file, for progress. */
  readonly onFile?: (path: string) => void;
  /** How images are had, asked when the first one is named; without it only paths and processes are inspected. */
  readonly images?: () => Promise<ImageAccess>;
  /** Tells who made images and files; without it nothing is said about trust. */
  readonly trust?: TrustInspector;
}

/** Tells who made something, by the configuration; null where nobody asked. */
export interface TrustInspector {
  ofImage(image: Image, patience: Patience): Promise<ImageTrustReport | null>;
  ofFile(path: string): Promise<FactsDocument['trust']>;
}

export interface ImageTrustReport {
  readonly trust: FactsDocument['trust'];
  /** Why trust could not be told; null when it could. */
  readonly problem: ProblemFacts | null;
  /** What is in the image, by the word of a trusted inspector; null when it has to be inspected. */
  readonly attested: InspectedContents | null;
}

/** What reading images needs of the caller. */
export interface ImageAccess {
  /** Only this platform of an image; null for all. */
  readonly platform: Platform | null;
  readonly registries: RegistryClient;
  /** Where binaries are kept while an image is inspected; nothing stays there. */
  readonly temporaryDirectory: string;
  readonly signal?: AbortSignal;
  /** Facts that are known already, by digest; null to inspect every image anew. */
  readonly store: FactsStore | null;
}

/** What has to be given back when a run ends. */
export type Cleanup = (() => void)[];
