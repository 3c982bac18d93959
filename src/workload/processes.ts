import type { Container, PodSpec } from './pod-spec.ts';

/** The files that one container of a pod can load: those of its image, and what comes into it from other images. */
export interface ContainerProcess {
  readonly container: Container;
  readonly deliveries: readonly Delivery[];
}

/** Files of another image that a container sees. */
export interface Delivery {
  /** As written. */
  readonly image: string;
  /**
   * `image-volume`: the image itself is mounted. `shared-directory`: a container that runs before or beside it mounts the same
   * emptyDir and may copy files of its image there; which of them cannot be known.
   */
  readonly by: 'image-volume' | 'shared-directory';
  readonly volume: string;
  /** Where the container finds them. */
  readonly path: string;
}

/**
 * Every container of a pod with the images whose files reach it. A plugin host is in one image and its plugin in
 * another: both are in one process when the pod runs.
 */
export function containerProcesses(pod: PodSpec): readonly ContainerProcess[] {
  const volumes = new Map(pod.volumes.map((volume) => [volume.name, volume]));
  // Init containers that mount an emptyDir, by its name: what they leave there is there when the others start.
  const writers = new Map<string, string[]>();
  for (const { kind, image, mounts } of pod.containers) {
    for (const { volume, readOnly } of mounts) {
      if (kind === 'init' && !readOnly && volumes.get(volume)?.kind === 'emptyDir') {
        writers.set(volume, [...(writers.get(volume) ?? []), image]);
      }
    }
  }
  return pod.containers.map((container) => ({
    container,
    deliveries: container.mounts.flatMap(({ volume, path }): readonly Delivery[] => {
      const mounted = volumes.get(volume);
      if (mounted?.kind === 'image' && mounted.image !== null) {
        return [{ image: mounted.image, by: 'image-volume', volume, path }];
      }
      if (container.kind === 'init') {
        return [];
      }
      const images = (writers.get(volume) ?? []).filter((image) => image !== container.image);
      return [...new Set(images)].map((image) => ({ image, by: 'shared-directory', volume, path }));
    }),
  }));
}
