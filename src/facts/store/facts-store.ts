import type { Image } from '../../image/image.ts';
import type { InspectedContents } from '../inspected-target.ts';

/** What names facts: the image, and where its attestations would be. */
export type FactsSubject = Pick<Image, 'digest' | 'store'>;

/**
 * Keeps what was found in images. Facts are a function of the bytes, and the digest names the bytes: verdicts are never
 * kept.
 *
 * A store never makes a run fail: what it cannot give is inspected again, and what it cannot keep is not kept.
 */
export interface FactsStore {
  read(subject: FactsSubject): Promise<InspectedContents | null>;
  write(subject: FactsSubject, contents: InspectedContents): Promise<void>;
  close(): void;
}

/** Asks stores in their order, the nearest first, and leaves what a farther one gave in those before it. */
export function storesInOrder(stores: readonly FactsStore[]): FactsStore {
  return {
    async read(subject) {
      for (const [index, store] of stores.entries()) {
        const found = await store.read(subject);
        if (found !== null) {
          await Promise.all(stores.slice(0, index).map((nearer) => nearer.write(subject, found)));
          return found;
        }
      }
      return null;
    },
    async write(subject, contents) {
      await Promise.all(stores.map((store) => store.write(subject, contents)));
    },
    close() {
      for (const store of stores) {
        store.close();
      }
    },
  };
}
