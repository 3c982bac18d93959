import { LRUCache } from 'lru-cache';
import type { FactsStore } from './facts-store.ts';
import { decodeContents, encodeContents } from './stored-contents.ts';

/**
 * Keeps facts in memory, those used last, as compressed bytes: a tenth of what they take as objects.
 *
 * @param mostBytes of all that is kept.
 */
export function memoryStore(mostBytes: number): FactsStore {
  const kept = new LRUCache<string, Buffer>({ maxSize: mostBytes, sizeCalculation: ({ length }) => length });
  return {
    async read({ digest }) {
      const bytes = kept.get(digest);
      return bytes === undefined ? null : decodeContents(bytes);
    },
    async write({ digest }, contents) {
      kept.set(digest, encodeContents(contents));
    },
    close() {
      kept.clear();
    },
  };
}
