import { documentsOf } from '../facts/inspect.ts';
import { contentsOfImage } from '../facts/inspect-image.ts';
import type { ImageAccess } from '../facts/inspected-target.ts';
import { openImages } from '../image/open-images.ts';
import type { Policy } from '../policy/evaluation.ts';
import type { FoundImage } from './discovery.ts';
import type { ScanResult } from './scan-result.ts';

/** What scanning an image takes. */
export interface Scanner {
  readonly access: ImageAccess;
  readonly policy: Policy;
}

/**
 * Reads an image by its digest and evaluates the rules on it.
 *
 * Rules see the digest as the name of the image: what they say is kept by digest, for all names that it has.
 *
 * @throws ElfgateError when the image cannot be read or the policy fails.
 */
export async function scanImage(
  { registry, repository, digest, platform }: FoundImage,
  { access, policy }: Scanner,
): Promise<ScanResult> {
  const reference = { registry, repository, tag: null, digest };
  const opening = { ...access, platform: null };
  const [image] = await openImages({ kind: 'registry', reference }, opening);
  if (image === undefined) {
    throw new Error('a manifest without an image was opened');
  }
  const named = { ...image, reference: digest, platform: platform ?? image.platform };
  const contents = await contentsOfImage(named, { symbols: 'counted' }, access);
  const [document] = await documentsOf([{ ...contents, name: digest, role: null }]);
  if (document === undefined) {
    throw new Error('an image without a document was inspected');
  }
  const findings = policy.evaluate(document);
  const mentioned = new Set(findings.map(({ path }) => path));
  const layers = document.binaries.filter(({ path }) => mentioned.has(path)).map(({ path, layer }) => [path, layer]);
  return {
    platform: contents.meeting.platform ?? 'unknown',
    findings,
    layers: Object.fromEntries(layers),
    binaries: document.binaries.length,
    problems: document.problems.map(({ path, code, message }) => ({ path, code, message })),
  };
}
