import { listIn, objectIn, textIn } from './reading.ts';

/** That there is a list of what an artifact is made of, and how long it is. */
export interface Materials {
  readonly format: 'spdx' | 'cyclonedx';
  readonly version: string | null;
  readonly components: number;
}

/**
 * SPDX (https://spdx.dev/Document) and CycloneDX (https://cyclonedx.org/bom) documents. Null for other predicates, and
 * for one that only says something about vulnerabilities.
 */
export function readMaterials(predicateType: string, predicate: unknown): Materials | null {
  const document = objectIn(predicate);
  if (/^https:\/\/spdx\.dev\/Document(?:\/v\d+(?:\.\d+)*)?$/.test(predicateType)) {
    return {
      format: 'spdx',
      version: textIn(document.spdxVersion),
      // SPDX 3 has one graph of everything.
      components: listIn(document.packages).length + listIn(document['@graph']).map(objectIn).filter(isPackage).length,
    };
  }
  if (
    /^https:\/\/cyclonedx\.org\/bom(?:\/v\d+(?:\.\d+)*)?$/.test(predicateType) &&
    Array.isArray(document.components)
  ) {
    return {
      format: 'cyclonedx',
      version: textIn(document.specVersion),
      components: document.components.length,
    };
  }
  return null;
}

function isPackage({ type }: Readonly<Record<string, unknown>>): boolean {
  return type === 'software_Package';
}
