import { ElfgateError } from '../errors.ts';
import { inspectImages } from '../facts/inspect-image.ts';
import type { Cleanup } from '../facts/inspected-target.ts';
import { formatReference, type Reference, tagOrDigest } from '../image/reference.ts';
import type { RegistryClient } from '../image/registry/client.ts';
import type { CredentialSource } from '../image/registry/credentials.ts';
import type { ImageInspector } from './image-facts.ts';

export interface RegistryInspectorOptions {
  /** Makes the client for whoever brings these credentials; one serves all reviews that bring the same. */
  clientFor(credentials: CredentialSource): RegistryClient;
  /** Where binaries are kept while an image is inspected; nothing stays there. */
  readonly temporaryDirectory: string;
}

/** Reads images from registries. */
export function registryInspector({ clientFor, temporaryDirectory }: RegistryInspectorOptions): ImageInspector {
  return {
    async resolve(reference, credentials, signal) {
      const { digest } = await clientFor(credentials).repository(reference).resolve(tagOrDigest(reference), { signal });
      return digest;
    },
    async inspect(reference, credentials, signal) {
      const cleanup: Cleanup = [];
      try {
        const name = formatReference(reference);
        const inspected = await inspectImages(
          { name, role: null },
          { kind: 'registry', reference: byDigest(reference) },
          { symbols: 'counted' },
          { platform: null, registries: clientFor(credentials), temporaryDirectory, signal },
          cleanup,
        );
        if (inspected.length === 0) {
          throw new ElfgateError('not-found', `${name}: holds no image for any platform`);
        }
        return {
          digest: reference.digest,
          platforms: inspected.map(({ name: _name, role: _role, ...contents }) => ({
            architecture: contents.meeting.platform?.split('/')[1] ?? 'unknown',
            contents,
          })),
        };
      } finally {
        for (const close of cleanup) {
          close();
        }
      }
    },
  };
}

/** What is judged is what the digest names, also when the tag has moved meanwhile. */
function byDigest(reference: Reference): Reference {
  return { ...reference, tag: null };
}
