import { ElfgateError } from '../errors.ts';

/** What an image runs on, by the names of Go's GOOS and GOARCH (OCI image specification, image-index.md). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Such as `v7` of arm; null where the image does not say. */
  readonly variant: string | null;
}

/** `linux/arm64`, `linux/arm/v7` */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === null ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** @throws ElfgateError `usage` unless it is OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT. */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/.exec(text);
  const [, os, architecture, variant] = match ?? [];
  if (os === undefined || architecture === undefined) {
    throw new ElfgateError('usage', `${text} is no platform`, { hint: 'as linux/amd64, linux/arm64 or linux/arm/v7' });
  }
  return { os, architecture, variant: variant ?? null };
}

/** Whether an image of one platform is what somebody who asks for another wants. Without a variant any will do. */
export function isPlatform(offered: Platform, wanted: Platform): boolean {
  return (
    offered.os === wanted.os &&
    offered.architecture === wanted.architecture &&
    (wanted.variant === null || variantOf(offered) === variantOf(wanted))
  );
}

// Makers of images leave out v8 of arm64, as it is the only one there was; containerd reads it as the same.
function variantOf({ architecture, variant }: Platform): string | null {
  return architecture === 'arm64' && variant === 'v8' ? null : variant;
}
