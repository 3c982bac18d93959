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
  /** What was kept of the root beside the facts, as {@link import('../kept-roots.ts').keepRoot} gave it. */
  readRoot(subject: FactsSubject): Promise<Uint8Array | null>;
  /** @returns whether it is kept. */
  write(subject: FactsSubject, contents: InspectedContents, root: Uint8Array | null): Promise<boolean>;
  close(): void;
}

/** Asks stores in their order, the nearest first, and leaves what a farther one gave in those before it. */
export function storesInOrder(stores: readonly FactsStore[]): FactsStore {
  return {
    async read(subject) {
      for (const [index, store] of stores.entries()) {
        const found = await store.read(subject);
        if (found !== null) {
          const nearer = stores.slice(0, index);
          const root = nearer.length === 0 ? null : await store.readRoot(subject);
          await Promise.all(nearer.map((each) => each.write(subject, found, root)));
          return found;
        }
      }
      return null;
    },
    async readRoot(subject) {
      for (const store of stores) {
        const found = await store.readRoot(subject);
        if (found !== null) {
          return found;
        }
      }
      return null;
    },
    async write(subject, contents, root) {
      const kept = await Promise.all(stores.map((store) => store.write(subject, contents, root)));
      return kept.includes(true);
    },
    close() {
      for (const store of stores) {
        store.close();
      }
    },
  };
}
