import type { ImageFacts } from '../src/admission/image-facts.ts';
import { parseReference } from '../src/image/reference.ts';
import type { CredentialSource } from '../src/image/registry/credentials.ts';
import { type PodTemplate, podTemplatesOf } from '../src/workload/pod-templates.ts';
import { admitted, type JsonPatchOperation, type ReviewRequest } from './admission-review.ts';
import type { Decision } from './decision.ts';
import { type Bench, exemption } from './validate.ts';

/**
 * Replaces tags by the digests that they name now, and keeps the tag for people: `app:1.2` becomes `app:1.2@sha256:…`.
 *
 * It fails open and never says no: validation of what comes out decides. Applied twice it changes nothing.
 */
export async function mutate(request: ReviewRequest, bench: Bench, deadline: AbortSignal): Promise<Decision> {
  const { judge, facts } = bench;
  const { pinDigests, templatePaths } = judge.configuration.admission;
  if (!pinDigests || exemption(request, judge) !== null) {
    return { outcome: 'exempt', answer: admitted, images: [], findings: [] };
  }
  try {
    const templates = podTemplatesOf(request.object, templatePaths);
    const before = new Map(
      podTemplatesOf(request.oldObject, templatePaths)
        .flatMap(imagePlaces)
        .map(({ path, image }) => [path, image]),
    );
    const credentials = bench.credentialsFor(request.namespace, templates);
    const places = templates.flatMap(imagePlaces);
    const resolved = new Map<string, Promise<string | null>>();
    const patch = await Promise.all(
      places.map(async ({ path, image }): Promise<readonly JsonPatchOperation[]> => {
        const pinnedBefore = before.get(path);
        // Applied again from the same manifest: the digest that it was given first stays.
        if (pinnedBefore?.startsWith(`${image}@`) === true) {
          return [{ op: 'replace', path, value: pinnedBefore }];
        }
        // What was there before and has no digest keeps what it has: some of these fields are immutable.
        if (pinnedBefore === image) {
          return [];
        }
        const pinned = resolved.get(image) ?? pin(image, facts, credentials, deadline);
        resolved.set(image, pinned);
        const value = await pinned;
        return value === null ? [] : [{ op: 'replace', path, value }];
      }),
    );
    const operations = patch.flat();
    return {
      outcome: 'admitted',
      answer: { ...admitted, patch: operations },
      images: operations.map(({ value }) => ({
        image: String(value),
        digest: String(value).split('@')[1] ?? null,
        undecided: null,
      })),
      findings: [],
    };
  } catch {
    return { outcome: 'undecided-admitted', answer: admitted, images: [], findings: [] };
  }
}

/** Every image of a template, and where it stands as a JSON Pointer (RFC 6901). */
function imagePlaces({ at, spec }: PodTemplate): readonly { readonly path: string; readonly image: string }[] {
  const base = pointer([...(at === '' ? [] : at.split('.')), 'spec']);
  const place = (field: string): string => `${base}${field.replace(/^(\w+)\[(\d+)\]$/, '/$1/$2')}`;
  return [
    ...spec.containers.map((container) => ({ path: `${place(container.at)}/image`, image: container.image })),
    ...spec.volumes.flatMap(({ at: field, image }) =>
      image === null ? [] : [{ path: `${place(field)}/image/reference`, image }],
    ),
  ];
}

function pointer(names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

async function pin(
  image: string,
  facts: ImageFacts,
  credentials: CredentialSource,
  deadline: AbortSignal,
): Promise<string | null> {
  try {
    const reference = parseReference(image);
    if (reference.digest !== null) {
      return null;
    }
    const digest = await facts.digestOf(reference, credentials, deadline);
    return digest === null ? null : `${image}@${digest}`;
  } catch {
    // No reference, or a registry that does not answer: validation tells.
    return null;
  }
}
