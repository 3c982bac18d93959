import { ElfgateError } from '../errors.ts';
import { inspectImages } from '../facts/inspect-image.ts';
import type { FactsStore } from '../facts/store/facts-store.ts';
import { formatReference, type Reference, tagOrDigest } from '../image/reference.ts';
import type { RegistryClient } from '../image/registry/client.ts';
import type { CredentialSource } from '../image/registry/credentials.ts';
import type { ImageInspector } from './image-facts.ts';

export interface RegistryInspectorOptions {
  /** Makes the client for whoever brings these credentials; one serves all reviews that bring the same. */
  clientFor(credentials: CredentialSource): RegistryClient;
  /** Where binaries are kept while an image is inspected; nothing stays there. */
  readonly temporaryDirectory: string;
  /** Facts by digest of the manifest, asked once the registry has shown that manifest to whoever asks. */
  readonly store: FactsStore | null;
}

/** Reads images from registries. */
export function registryInspector({ clientFor, temporaryDirectory, store }: RegistryInspectorOptions): ImageInspector {
  return {
    async resolve(reference, credentials, signal) {
      const { digest } = await clientFor(credentials).repository(reference).resolve(tagOrDigest(reference), { signal });
      return digest;
    },
    async inspect(reference, credentials, signal) {
      const name = formatReference(reference);
      const inspected = await inspectImages(
        { name, role: null },
        { kind: 'registry', reference: byDigest(reference) },
        { symbols: 'counted' },
        { platform: null, registries: clientFor(credentials), temporaryDirectory, store, signal },
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
    },
  };
}

/** What is judged is what the digest names, also when the tag has moved meanwhile. */
function byDigest(reference: Reference): Reference {
  return { ...reference, tag: null };
}
