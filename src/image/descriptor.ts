import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** What names content in a registry or layout (OCI image specification, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** What an artifact is; null where the descriptor does not say. */
  readonly artifactType: string | null;
  readonly annotations: Readonly<Record<string, string>>;
  /** In an index; null where it does not say. */
  readonly platform: Platform | null;
}

/** Media types that elfgate reads. */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
} as const;

/**
 * Whether a descriptor says that it is some other artifact than an image. go-containerregistry writes the media type of
 * the configuration there, of images too.
 */
export function isOtherArtifact({ artifactType }: Pick<Descriptor, 'artifactType'>): boolean {
  return artifactType !== null && artifactType !== mediaTypes.ociConfig && artifactType !== mediaTypes.dockerConfig;
}
