import { ElfgateError } from '../errors.ts';
import { parseDocuments } from './documents.ts';
import type { PolicySources } from './policy-sources.ts';

/** A document that policies read below `data`, and the file it comes from. */
export interface DataDocument {
  readonly location: string;
  readonly data: unknown;
}

/**
 * Several documents as one: objects are joined key by key, as OPA joins data files.
 *
 * @throws ElfgateError `policy` when two say different things about one key, or one is no object.
 */
export function mergedData(documents: readonly DataDocument[]): object {
  let merged: Readonly<Record<string, unknown>> = {};
  for (const { location, data } of documents) {
    if (!isObject(data)) {
      throw new ElfgateError('policy', `${location}: base data must be an object, whose keys are found below data`);
    }
    merged = joined(merged, data, location, 'data');
  }
  return merged;
}

/**
 * The data files of policies, each below the names of the folders that it lies in.
 *
 * @throws ElfgateError `malformed` or `limit` for a file, `policy` as {@link mergedData}.
 */
export async function dataOf({ dataFiles, locations }: PolicySources): Promise<readonly DataDocument[]> {
  return Promise.all(
    Object.entries(dataFiles).map(async ([path, text]) => {
      const location = locations.get(path) ?? path;
      const [document, ...others] = await parseDocuments(new TextEncoder().encode(text), location);
      if (others.length > 0) {
        throw new ElfgateError('malformed', `${location}: holds several documents, and one is needed`);
      }
      const folders = path.split('/').slice(0, -1);
      return { location, data: folders.reduceRight<unknown>((below, folder) => ({ [folder]: below }), document) };
    }),
  );
}

function joined(
  left: Readonly<Record<string, unknown>>,
  right: Readonly<Record<string, unknown>>,
  location: string,
  path: string,
): Readonly<Record<string, unknown>> {
  // No prototype: a key may be called __proto__.
  const result: Record<string, unknown> = Object.assign(Object.create(null), left);
  for (const [key, value] of Object.entries(right)) {
    const before = Object.hasOwn(left, key) ? left[key] : undefined;
    if (before === undefined) {
      result[key] = value;
    } else if (isObject(before) && isObject(value)) {
      result[key] = joined(before, value, location, `${path}.${key}`);
    } else {
      throw new ElfgateError('policy', `${location}: ${path}.${key} is given by another data file, too`);
    }
  }
  return result;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
