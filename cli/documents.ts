import { inspect } from '../src/facts/inspect.ts';
import type { InspectOptions, Target } from '../src/facts/inspected-target.ts';
import type { FactsDocument } from '../src/facts/schema.ts';
import type { LazyImageAccess } from './images.ts';
import { withEngineFor } from './javascript-engine.ts';
import { usageError } from './shared-options.ts';

const manifestPrefix = 'manifest:';
const objectsPrefix = 'objects:';
const isManifest = (name: string): boolean => name.startsWith(manifestPrefix) || name.startsWith(objectsPrefix);

/**
 * The documents of all targets; those of manifests after the others, as their pods meet nothing else.
 *
 * @throws ElfgateError `usage` for a manifest with a role, and what inspecting throws.
 */
export async function documentsOfTargets(
  targets: readonly Target[],
  options: Omit<InspectOptions, 'images'> & Required<Pick<InspectOptions, 'onFile'>>,
  images: LazyImageAccess,
): Promise<readonly FactsDocument[]> {
  for (const { name, role } of targets) {
    if (isManifest(name) && role !== null) {
      throw usageError(`${name} cannot be a ${role}`, 'a manifest says itself which image is mounted into which');
    }
  }
  return withEngineFor(targets, options.onFile, async (onFile) => {
    const reading = { ...options, onFile };
    const documents = [
      ...(await inspect(
        targets.filter(({ name }) => !isManifest(name)),
        { ...reading, images: images.open },
      )),
    ];
    for (const { name } of targets) {
      if (name.startsWith(objectsPrefix)) {
        const { inspectObjects } = await import('../src/admission/inspect-manifest.ts');
        documents.push(...inspectObjects(name.slice(objectsPrefix.length)));
      }
      if (name.startsWith(manifestPrefix)) {
        const { inspectManifest } = await import('../src/admission/inspect-manifest.ts');
        documents.push(...(await inspectManifest(name.slice(manifestPrefix.length), reading, await images.open())));
      }
    }
    return documents;
  });
}
