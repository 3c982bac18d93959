import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { PackageHash } from '../../binary/go/package-hashes.ts';
import { limits } from '../../limits.ts';
import type { InspectedContents } from '../inspected-target.ts';
import type { BinaryFacts } from '../schema.ts';

/** What is kept of an image's contents, as JSON. */
type StoredContents = Omit<InspectedContents, 'binaries'> & { readonly binaries: readonly StoredBinary[] };

interface StoredBinary {
  readonly facts: BinaryFacts;
  /** Of Go hosts and plugins, which meet those of other images later. */
  readonly hashes: { readonly packages: readonly PackageHash[]; readonly checkOrder: readonly string[] } | null;
}

// Bytes that are inflated at a time: those of a whole root, and not the sixtieth part that Node would take.
const chunkSize = 1_048_576;

/** Contents as compressed bytes. */
export function encodeContents(contents: InspectedContents): Buffer {
  const { kind, digest, meeting, tree, problems, root, linkage, image, launch, openings } = contents;
  // By name: contents may come with what is about this run only.
  const stored: StoredContents = {
    kind,
    digest,
    meeting,
    tree,
    problems,
    root,
    linkage,
    image,
    launch,
    openings,
    binaries: contents.binaries.map(({ facts, hashes }) => ({
      facts,
      hashes: hashes === null ? null : { packages: [...hashes.byPackage.values()], checkOrder: [...hashes.checkOrder] },
    })),
  };
  return zstdCompressSync(JSON.stringify(stored));
}

/** Contents out of bytes that this very version of elfgate has written; `null` when they are damaged. */
export function decodeContents(bytes: Uint8Array): InspectedContents | null {
  let stored: StoredContents;
  try {
    const text = zstdDecompressSync(bytes, { maxOutputLength: limits.storedFactsBytes, chunkSize });
    stored = JSON.parse(text.toString('utf8'));
  } catch {
    return null;
  }
  if (!Array.isArray(stored?.binaries) || stored.kind !== 'image' || stored.openings === undefined) {
    return null;
  }
  return {
    ...stored,
    binaries: stored.binaries.map(({ facts, hashes }) => ({
      facts,
      elf: null,
      hashes:
        hashes === null
          ? null
          : {
              byPackage: new Map(hashes.packages.map((hash: PackageHash) => [hash.package, hash])),
              checkOrder: hashes.checkOrder,
            },
    })),
  };
}
