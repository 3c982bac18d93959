import { deliveredTarget } from '../facts/delivered-target.ts';
import { documentsOf } from '../facts/inspect.ts';
import type { InspectedTarget, TargetMount } from '../facts/inspected-target.ts';
import { isLoaderToldElsewhere, launchInContainer, tellSameToLoader } from '../facts/launch-facts.ts';
import type { FactsDocument } from '../facts/schema.ts';
import { type ImageContents, workloadDocument } from '../facts/workload-facts.ts';
import type { RuleMetadata } from '../policy/rule-metadata.ts';
import { fieldsOf, textOf, valueAt } from '../workload/fields.ts';
import type { Container, ContainerStart, PodSpec } from '../workload/pod-spec.ts';
import type { PodTemplate, TemplatePaths } from '../workload/pod-templates.ts';
import { containerProcesses } from '../workload/processes.ts';
import type { InspectedImage, InspectedPlatform } from './image-facts.ts';

/** An object of a cluster, or of a manifest, with what was found in its images. */
export interface KnownWorkload {
  readonly object: unknown;
  readonly before: unknown;
  readonly operation: 'create' | 'update' | null;
  /** The AdmissionRequest; null where no cluster asks. */
  readonly request: object | null;
  /** The labels of its namespace; null when they are not known. */
  readonly namespaceLabels: Readonly<Record<string, string>> | null;
  /** Names it to people: `Deployment shop/gateway`. */
  readonly name: string;
  readonly templates: readonly PodTemplate[];
  readonly templatePaths: TemplatePaths;
  /** By reference as written; images that could not be inspected are absent. */
  readonly images: ReadonlyMap<string, InspectedImage>;
}

/** The images of pods, as written, each once, image volumes included. */
export function imagesOf(templates: readonly PodTemplate[]): readonly string[] {
  const images = templates.flatMap(({ spec }) => [
    ...spec.containers.map(({ image }) => image),
    ...spec.volumes.flatMap(({ image }) => image ?? []),
  ]);
  return [...new Set(images)].filter((image) => image !== '');
}

/** Whether rules read the object itself, and not only the facts about it: those that were written for other programs. */
export function readsReview(rules: readonly RuleMetadata[]): boolean {
  return rules.some(({ facts }) => facts.includes('workload.review'));
}

/**
 * The facts of the object itself, which need no image but say what is known of them.
 *
 * @param review whether the object comes along as it is; it is as large as all other facts together.
 */
export function documentOfWorkload(workload: KnownWorkload, review: 'stated' | 'omitted'): FactsDocument {
  const { namespaceLabels } = workload;
  return workloadDocument(workload.object, workload.name, {
    operation: workload.operation,
    before: workload.before,
    ...(namespaceLabels === null ? {} : { namespaceLabels }),
    ...(review === 'omitted' ? {} : { review: { ...requestAbout(workload.object), ...workload.request } }),
    templatePaths: workload.templatePaths,
    contentsOf: (image) => contentsOf(workload.images.get(image)),
  });
}

/** The AdmissionRequest that Gatekeeper's auditor makes of an object, with which nobody does anything. */
function requestAbout(object: unknown): object {
  const { apiVersion, kind } = fieldsOf(object);
  const [version = '', group = ''] = (textOf(apiVersion) ?? '').split('/').reverse();
  return {
    kind: { group, version, kind: textOf(kind) ?? '' },
    name: textOf(valueAt(object, 'metadata.name')) ?? '',
    namespace: textOf(valueAt(object, 'metadata.namespace')) ?? '',
    operation: '',
    userInfo: {},
    object,
    oldObject: null,
  };
}

function contentsOf(image: InspectedImage | undefined): ImageContents | null {
  if (image === undefined) {
    return null;
  }
  const count = (role: 'host' | 'plugin'): number =>
    Math.max(
      0,
      ...image.platforms.map(({ contents }) => contents.binaries.filter(({ facts }) => facts.role === role).length),
    );
  return { hosts: count('host'), plugins: count('plugin') };
}

/**
 * The facts of every image of a pod, those seen together that meet in one process: the image of a container, and the
 * images whose files come into it by a volume. Each set once for each architecture on which the pod can run.
 *
 * @param architectures null for all that the images have.
 */
export async function documentsOfPod(
  pod: PodSpec,
  images: ReadonlyMap<string, InspectedImage>,
  architectures: readonly string[] | null,
): Promise<readonly FactsDocument[]> {
  const documents: FactsDocument[] = [];
  for (const encounter of encountersOf(pod, images, architectures)) {
    documents.push(...(await encounter.documents()));
  }
  return documents;
}

/** Images that meet in one process, on one architecture. */
export interface Encounter {
  /** Names the images, how the first one is started, and the architecture. */
  readonly key: string;
  /** What is known of each. Encounters with one key and the very same contents have the same documents. */
  readonly contents: readonly (InspectedPlatform['contents'] | null)[];
  documents(): Promise<readonly FactsDocument[]>;
}

/** The encounters of {@link documentsOfPod}, whose documents are not made yet. */
export function encountersOf(
  pod: PodSpec,
  images: ReadonlyMap<string, InspectedImage>,
  architectures: readonly string[] | null,
): readonly Encounter[] {
  return [...imageSets(pod)].flatMap(([key, set]) =>
    architecturesOf(set, images, architectures).map((architecture) => ({
      key: `${architecture} ${key}`,
      contents: [set.runs, ...set.deliver].map((image) => platformOf(images.get(image), architecture)),
      documents: () => documentsOf(targetsOf(set, images, architecture)),
    })),
  );
}

/** Images that meet in one process, or one alone. */
interface ImageSet {
  /** Whose program runs. */
  readonly runs: string;
  /** How the container starts it; null for an image that no container runs. */
  readonly start: ContainerStart | null;
  /** Those that deliver files to it. */
  readonly deliver: readonly string[];
  /** What the container sees in its root instead of what its image has there; empty where nothing is delivered. */
  readonly mounts: readonly TargetMount[];
  /** Whether files of the first one are opened by the processes of other containers, and judged there. */
  readonly isDelivered: boolean;
}

/** By a text that says everything about them. */
function imageSets(pod: PodSpec): ReadonlyMap<string, ImageSet> {
  const processes = containerProcesses(pod);
  const delivered = new Set(processes.flatMap(({ deliveries }) => deliveries.map(({ image }) => image)));
  const sets = processes.map(({ container, deliveries }): ImageSet => {
    const deliver = [...new Set(deliveries.map(({ image }) => image))].filter((image) => image !== container.image);
    return {
      runs: container.image,
      start: container.start,
      deliver,
      mounts: deliver.length === 0 ? [] : mountsOf(container, pod),
      isDelivered: delivered.has(container.image),
    };
  });
  const seen = new Set(sets.flatMap(({ runs, deliver }) => [runs, ...deliver]));
  // An image volume that no container mounts is pulled all the same.
  const unmounted = pod.volumes.flatMap(({ image }): readonly ImageSet[] =>
    image === null || seen.has(image)
      ? []
      : [{ runs: image, start: null, deliver: [], mounts: [], isDelivered: false }],
  );
  return new Map([...sets, ...unmounted].map((set) => [JSON.stringify(set), set]));
}

/** Image volumes are named by their images; what any other volume holds is not known. */
function mountsOf({ mounts }: Container, { volumes }: PodSpec): readonly TargetMount[] {
  return mounts.map(({ volume, path, subPath }) => ({
    path,
    target: volumes.find(({ name }) => name === volume)?.image ?? null,
    subPath,
  }));
}

function architecturesOf(
  { runs, deliver }: ImageSet,
  images: ReadonlyMap<string, InspectedImage>,
  wanted: readonly string[] | null,
): readonly string[] {
  const offered = [runs, ...deliver].flatMap(
    (image) => images.get(image)?.platforms.map(({ architecture }) => architecture) ?? [],
  );
  const distinct = [...new Set(offered)].sort();
  const possible = wanted === null ? distinct : distinct.filter((architecture) => wanted.includes(architecture));
  // An image of one other architecture only is run as it is, or not at all: its facts are judged, never left out.
  return possible.length === 0 ? distinct : possible;
}

function targetsOf(
  { runs, start, deliver, mounts, isDelivered }: ImageSet,
  images: ReadonlyMap<string, InspectedImage>,
  architecture: string,
): readonly InspectedTarget[] {
  const first = platformOf(images.get(runs), architecture);
  const others = deliver.flatMap((name) => {
    const contents = platformOf(images.get(name), architecture);
    return contents === null
      ? []
      : [deliveredTarget({ ...asWritten(contents, name), name, role: 'plugin', meeting: nowhere })];
  });
  if (first === null) {
    return others;
  }
  const role = others.length > 0 ? 'host' : null;
  const { launch, binaries, openings } = first;
  const started = launch === null || start === null ? launch : launchInContainer(launch, start, binaries);
  const { keptRoot, ...contents } = asWritten(first, runs);
  const target: InspectedTarget = {
    ...contents,
    // Nobody knows what its loader is told by a variable that comes from elsewhere.
    ...(keptRoot === undefined || isLoaderToldElsewhere(start) ? {} : { keptRoot }),
    mounts,
    name: runs,
    role,
    meeting: nowhere,
    launch: started,
    // What plugin.Open does was told for the environment of the image.
    openings: tellSameToLoader(launch, started) ? openings : null,
  };
  const plugins = target.binaries.filter(({ facts }) => facts.role === 'plugin');
  return [
    isDelivered && plugins.length > 0
      ? withoutBinaries(target, new Set(plugins.map(({ facts }) => facts.path)))
      : target,
    ...others,
  ];
}

/** Images are read by digest; whether the pod names one is another question. */
function asWritten(contents: InspectedPlatform['contents'], image: string): InspectedPlatform['contents'] {
  return contents.trust == null ? contents : { ...contents, trust: { ...contents.trust, pinned: image.includes('@') } };
}

/** What its own root's loader would make of the files that are left out is nobody's concern either. */
function withoutBinaries(target: InspectedTarget, paths: ReadonlySet<string>): InspectedTarget {
  const { linkage, cycles, globalScope, interposed, hiddenReferences, mixtures } = target.linkage;
  return {
    ...target,
    binaries: target.binaries.filter(({ facts }) => !paths.has(facts.path)),
    linkage: {
      linkage: linkage.filter(({ path }) => !paths.has(path)),
      cycles: cycles.filter((cycle) => !cycle.paths.some((path) => paths.has(path))),
      globalScope: globalScope.filter(({ path }) => !paths.has(path)),
      interposed: interposed.filter(
        ({ winner, shadowed }) => !paths.has(winner) && !shadowed.some(({ path }) => paths.has(path)),
      ),
      hiddenReferences: hiddenReferences.filter(
        ({ path, hiddenIn }) => !paths.has(path) && (hiddenIn === null || !paths.has(hiddenIn.path)),
      ),
      mixtures: mixtures.filter(({ path }) => !paths.has(path)),
    },
  };
}

/** The set says who meets whom, and the architecture was chosen: variants of it do not keep files apart. */
const nowhere = { platform: null, container: null };

function platformOf(image: InspectedImage | undefined, architecture: string): InspectedPlatform['contents'] | null {
  const platforms = image?.platforms ?? [];
  // The other image of a set may have one platform only, which is then what gets mounted.
  const platform =
    platforms.find((one) => one.architecture === architecture) ?? (platforms.length === 1 ? platforms[0] : undefined);
  return platform?.contents ?? null;
}
