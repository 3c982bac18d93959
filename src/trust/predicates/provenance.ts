import { listIn, objectIn, textIn } from './reading.ts';

/** How an artifact was built, by the words of its builder. */
export interface Provenance {
  /** Who built it: the identity that levels are configured for. */
  readonly builder: string | null;
  readonly buildType: string | null;
  /** Where the sources came from, without their revision. */
  readonly source: string | null;
  /** The revision, a commit. */
  readonly revision: string | null;
}

export const provenanceTypes = ['https://slsa.dev/provenance/v0.2', 'https://slsa.dev/provenance/v1'] as const;

/** https://slsa.dev/spec/v1.0/provenance and https://slsa.dev/spec/v0.2/provenance */
export function readProvenance(predicateType: string, predicate: unknown): Provenance | null {
  const body = objectIn(predicate);
  switch (predicateType) {
    case 'https://slsa.dev/provenance/v1': {
      const definition = objectIn(body.buildDefinition);
      const [source] = listIn(definition.resolvedDependencies).map(objectIn);
      return {
        builder: textIn(objectIn(objectIn(body.runDetails).builder).id),
        buildType: textIn(definition.buildType),
        ...sourceOf(textIn(source?.uri), objectIn(source?.digest)),
      };
    }
    case 'https://slsa.dev/provenance/v0.2': {
      const configured = objectIn(objectIn(body.invocation).configSource);
      const [material] = listIn(body.materials).map(objectIn);
      return {
        builder: textIn(objectIn(body.builder).id),
        buildType: textIn(body.buildType),
        ...sourceOf(textIn(configured.uri) ?? textIn(material?.uri), objectIn(configured.digest ?? material?.digest)),
      };
    }
    default:
      return null;
  }
}

/** `git+https://host/repository@refs/heads/main` names sources, and a branch that says less than the digest. */
function sourceOf(
  uri: string | null,
  digest: Readonly<Record<string, unknown>>,
): Pick<Provenance, 'source' | 'revision'> {
  return {
    source: uri === null ? null : uri.replace(/^git\+/, '').replace(/@refs\/.*$/, ''),
    revision: textIn(digest.gitCommit) ?? textIn(digest.sha1),
  };
}
