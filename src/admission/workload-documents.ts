import { documentsOf } from '../facts/inspect.ts';
import type { InspectedTarget } from '../facts/inspected-target.ts';
import type { FactsDocument } from '../facts/schema.ts';
import { type ImageContents, workloadDocument } from '../facts/workload-facts.ts';
import type { PodSpec } from '../workload/pod-spec.ts';
import type { PodTemplate, TemplatePaths } from '../workload/pod-templates.ts';
import { containerProcesses } from '../workload/processes.ts';
import type { InspectedImage } from './image-facts.ts';

/** An object of a cluster, or of a manifest, with what was found in its images. */
export interface KnownWorkload {
  readonly object: unknown;
  readonly before: unknown;
  readonly operation: 'create' | 'update' | null;
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

/** The facts of the object itself, which need no image but say what is known of them. */
export function documentOfWorkload(workload: KnownWorkload): FactsDocument {
  return workloadDocument(workload.object, workload.name, {
    operation: workload.operation,
    before: workload.before,
    templatePaths: workload.templatePaths,
    contentsOf: (image) => contentsOf(workload.images.get(image)),
  });
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
  for (const set of imageSets(pod)) {
    for (const architecture of architecturesOf(set, images, architectures)) {
      const targets = set.flatMap((image, index) => {
        const role = set.length === 1 ? null : index === 0 ? 'host' : 'plugin';
        return targetOf(image, role, images.get(image), architecture) ?? [];
      });
      documents.push(...(await documentsOf(targets)));
    }
  }
  return documents;
}

/** Sets of images by what they meet in: first the image whose program runs, then those that deliver files to it. */
function imageSets(pod: PodSpec): readonly (readonly string[])[] {
  const processes = containerProcesses(pod);
  const delivered = new Set(processes.flatMap(({ deliveries }) => deliveries.map(({ image }) => image)));
  const sets = processes
    .filter(({ container, deliveries }) => deliveries.length > 0 || !delivered.has(container.image))
    .map(({ container, deliveries }) => [...new Set([container.image, ...deliveries.map(({ image }) => image)])]);
  const seen = new Set(sets.flat());
  // An image volume that no container mounts is pulled all the same.
  const unmounted = pod.volumes.flatMap(({ image }) => (image === null || seen.has(image) ? [] : [[image]]));
  return [...new Map([...sets, ...unmounted].map((set) => [set.join('\n'), set])).values()];
}

function architecturesOf(
  set: readonly string[],
  images: ReadonlyMap<string, InspectedImage>,
  wanted: readonly string[] | null,
): readonly string[] {
  const offered = set.flatMap((image) => images.get(image)?.platforms.map(({ architecture }) => architecture) ?? []);
  const distinct = [...new Set(offered)].sort();
  const possible = wanted === null ? distinct : distinct.filter((architecture) => wanted.includes(architecture));
  // An image of one other architecture only is run as it is, or not at all: its facts are judged, never left out.
  return possible.length === 0 ? distinct : possible;
}

function targetOf(
  name: string,
  role: 'host' | 'plugin' | null,
  image: InspectedImage | undefined,
  architecture: string,
): InspectedTarget | null {
  const platforms = image?.platforms ?? [];
  // The other image of a set may have one platform only, which is then what gets mounted.
  const platform =
    platforms.find((one) => one.architecture === architecture) ?? (platforms.length === 1 ? platforms[0] : undefined);
  return platform === undefined ? null : { ...platform.contents, name, role };
}
