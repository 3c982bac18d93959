import { LRUCache } from 'lru-cache';
import type { FactsDocument } from '../facts/schema.ts';
import { encodeInput } from '../policy/evaluation-input.ts';
import type { ValueImage } from '../policy/value-image.ts';
import type { PodSpec } from '../workload/pod-spec.ts';
import type { InspectedImage } from './image-facts.ts';
import { type Encounter, encountersOf } from './workload-documents.ts';

/** A facts document as the policies take it, with what is said about it beside their findings. */
export interface PreparedDocument {
  /** The image as written, or the object's name. */
  readonly target: string;
  readonly input: ValueImage;
  /** Files that could not be read. */
  readonly problems: FactsDocument['problems'];
}

/** @throws ElfgateError as {@link encodeInput}. */
export function preparedDocument(document: FactsDocument): PreparedDocument {
  return { target: document.subject.name, input: encodeInput(document), problems: document.problems };
}

/** The documents of a pod's images, as {@link import('./workload-documents.ts').documentsOfPod} makes them. */
export type PrepareDocuments = (
  pod: PodSpec,
  images: ReadonlyMap<string, InspectedImage>,
  architectures: readonly string[] | null,
) => Promise<readonly PreparedDocument[]>;

/**
 * Prepares documents of images, and remembers them: replicas of one workload differ in nothing that is stated about their
 * images, and predicting what meets what takes longer than anything else that is done for a review in this thread.
 *
 * What is remembered is facts, never a verdict, and counts only while the facts that it was made of are the very same
 * objects: an image that was inspected again, or is trusted otherwise, has other ones.
 *
 * @param memoryBytes of what is remembered.
 */
export function documentPreparation(memoryBytes: number): PrepareDocuments {
  const remembered = new LRUCache<string, Remembered>({
    maxSize: memoryBytes,
    sizeCalculation: ({ documents }, key) =>
      key.length * 2 + documents.reduce((sum, { input }) => sum + input.byteLength, 1_024),
  });
  // Reviews of one rollout come at the same time.
  const preparing = new Map<string, Preparing>();
  const prepare = async ({ key, contents, documents: make }: Encounter): Promise<readonly PreparedDocument[]> => {
    const documents = (await make()).map(preparedDocument);
    remembered.set(key, { contents, documents });
    return documents;
  };
  const documentsOf = async (encounter: Encounter): Promise<readonly PreparedDocument[]> => {
    const { key, contents } = encounter;
    const known = remembered.get(key);
    if (known !== undefined && isSame(known.contents, contents)) {
      return known.documents;
    }
    const begun = preparing.get(key);
    if (begun !== undefined && isSame(begun.contents, contents)) {
      return begun.documents;
    }
    const own: Preparing = { contents, documents: prepare(encounter) };
    preparing.set(key, own);
    try {
      return await own.documents;
    } finally {
      if (preparing.get(key) === own) {
        preparing.delete(key);
      }
    }
  };
  return async (pod, images, architectures) =>
    (await Promise.all(encountersOf(pod, images, architectures).map(documentsOf))).flat();
}

interface Remembered {
  readonly contents: Encounter['contents'];
  readonly documents: readonly PreparedDocument[];
}

interface Preparing {
  readonly contents: Encounter['contents'];
  readonly documents: Promise<readonly PreparedDocument[]>;
}

function isSame(left: Encounter['contents'], right: Encounter['contents']): boolean {
  return left.length === right.length && left.every((contents, index) => contents === right[index]);
}
