import { LRUCache } from 'lru-cache';
import type { FactsStore } from './facts-store.ts';
import { decodeContents, encodeContents } from './stored-contents.ts';

/**
 * Keeps facts in memory, those used last, as compressed bytes: a tenth of what they take as objects.
 *
 * @param mostBytes of all that is kept.
 */
export function memoryStore(mostBytes: number): FactsStore {
  const kept = new LRUCache<string, { readonly contents: Buffer; readonly root: Uint8Array | null }>({
    maxSize: mostBytes,
    sizeCalculation: ({ contents, root }) => contents.length + (root?.length ?? 0),
  });
  return {
    async read({ digest }) {
      const found = kept.get(digest);
      return found === undefined ? null : decodeContents(found.contents);
    },
    readRoot: async ({ digest }) => kept.get(digest)?.root ?? null,
    async write({ digest }, contents, root) {
      kept.set(digest, { contents: encodeContents(contents), root });
      return kept.has(digest);
    },
    close() {
      kept.clear();
    },
  };
}
