import { existsSync } from 'node:fs';
import { imageSourceOf } from '../image/image-source.ts';
import type { InspectedTarget, InspectOptions, Target } from './inspected-target.ts';

/**
 * Inspects a target that is no path: an image or a process; `null` when it is none of these.
 *
 * @throws ElfgateError `usage` for a prefix with nothing sensible behind it, and what reading the target throws.
 */
export async function inspectElsewhere(
  target: Target,
  options: InspectOptions,
): Promise<readonly InspectedTarget[] | null> {
  if (target.name.startsWith('pid:')) {
    const { inspectProcess } = await import('./inspect-process.ts');
    return [inspectProcess(target, options)];
  }
  const source = imageSourceOf(target.name, existsSync);
  if (source === null || options.images === undefined) {
    return null;
  }
  const { inspectImages } = await import('./inspect-image.ts');
  return inspectImages(target, source, options, await options.images());
}
