import { ElfgateError } from '../errors.ts';
import { type Digest, isDigest } from '../image/digest.ts';
import { isRegistry, isRepository, isTag } from '../image/reference.ts';

/** What to scan: a registry, a repository, or one image. */
export interface ScanTarget {
  readonly registry: string;
  /** Null for every repository of the registry's catalog. */
  readonly repository: string | null;
  /** Null for all tags. */
  readonly tagOrDigest: string | Digest | null;
}

/**
 * Reads `REGISTRY`, `REGISTRY/REPOSITORY`, `REGISTRY/REPOSITORY:TAG` or `REGISTRY/REPOSITORY@DIGEST`. The registry is
 * always named: a scan of something else than was meant may take hours.
 *
 * @throws ElfgateError `usage`
 */
export function parseScanTarget(text: string): ScanTarget {
  const slash = text.indexOf('/');
  const registry = slash === -1 ? text : text.slice(0, slash);
  const rest = slash === -1 ? null : text.slice(slash + 1);
  const [, repository = null, tag = null, digest = null] = /^([^:@]+)(?::([^@]*))?(?:@(.*))?$/.exec(rest ?? '') ?? [];
  const isWhole =
    isRegistry(registry) &&
    (rest === null || (repository !== null && isRepository(repository))) &&
    (tag === null || isTag(tag)) &&
    (digest === null || isDigest(digest));
  if (!isWhole) {
    throw new ElfgateError('usage', `${text.slice(0, 300)} is nothing to scan`, {
      hint: 'as registry.example.com, registry.example.com/team/app or registry.example.com/team/app:1.2',
    });
  }
  return { registry, repository, tagOrDigest: digest ?? tag };
}
