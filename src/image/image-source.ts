import { isAbsolute } from 'node:path';
import { ElfgateError } from '../errors.ts';
import { type Digest, isDigest } from './digest.ts';
import { isTag, parseReference, type Reference } from './reference.ts';

/** Where an image is to be taken from. */
export type ImageSource =
  | { readonly kind: 'registry'; readonly reference: Reference }
  /** `select` is null where the layout holds one image only. */
  | { readonly kind: 'oci'; readonly directory: string; readonly select: string | Digest | null }
  | { readonly kind: 'oci-archive'; readonly file: string }
  /** `select` is a reference as it was given to `docker save`; null where the archive holds one image only. */
  | { readonly kind: 'docker-archive'; readonly file: string; readonly select: string | null };

/**
 * Reads how a person names an image: `oci:DIR[:TAG|@DIGEST]`, `oci-archive:FILE`, `docker-archive:FILE[:REF]`,
 * `registry:REF` or a bare reference, which has a registry, a tag or a digest: `debian` alone is taken for a file, so that a
 * mistyped path is not looked for in a registry.
 *
 * @param exists whether a path exists: an existing file or directory of that name is meant, never an image.
 * @returns null when the text names a path (or another kind of target), and no image.
 * @throws ElfgateError `usage` when it has a prefix and what follows makes no sense.
 */
export function imageSourceOf(text: string, exists: (path: string) => boolean): ImageSource | null {
  const [, prefix, rest = ''] = /^(oci|oci-archive|docker-archive|registry|manifest|pid):(.*)$/s.exec(text) ?? [];
  switch (prefix) {
    case 'registry':
      return { kind: 'registry', reference: parseReference(rest) };
    case 'oci':
      return ociSource(rest);
    case 'oci-archive':
      return { kind: 'oci-archive', file: named(rest, 'oci-archive:FILE') };
    case 'docker-archive': {
      // A file's name may hold a colon, and a reference may hold two: the first one that leaves a file decides.
      const colon = rest.indexOf(':');
      return colon === -1 || exists(rest)
        ? { kind: 'docker-archive', file: named(rest, 'docker-archive:FILE[:REF]'), select: null }
        : { kind: 'docker-archive', file: rest.slice(0, colon), select: rest.slice(colon + 1) };
    }
    case 'manifest':
    case 'pid':
      return null;
    default:
      return looksLikePath(text) || exists(text) ? null : bareReference(text);
  }
}

function ociSource(rest: string): ImageSource {
  const at = rest.lastIndexOf('@');
  const digest = at === -1 ? '' : rest.slice(at + 1);
  if (isDigest(digest)) {
    return { kind: 'oci', directory: named(rest.slice(0, at), 'oci:DIR@DIGEST'), select: digest };
  }
  const colon = rest.lastIndexOf(':');
  const tag = rest.slice(colon + 1);
  return colon !== -1 && isTag(tag)
    ? { kind: 'oci', directory: named(rest.slice(0, colon), 'oci:DIR:TAG'), select: tag }
    : { kind: 'oci', directory: named(rest, 'oci:DIR[:TAG|@DIGEST]'), select: null };
}

function looksLikePath(text: string): boolean {
  return text === '' || text === '.' || text === '..' || isAbsolute(text) || /^\.{1,2}\//.test(text);
}

/** A name that is neither a path nor a reference is a mistyped path: null lets the reader of files say so. */
function bareReference(text: string): ImageSource | null {
  const first = text.slice(0, Math.max(0, text.indexOf('/')));
  const hasRegistry = /[.:]/.test(first) || first === 'localhost';
  const hasTagOrDigest = /[:@]/.test(text.slice(first.length));
  if (!hasRegistry && !hasTagOrDigest) {
    return null;
  }
  try {
    return { kind: 'registry', reference: parseReference(text) };
  } catch {
    return null;
  }
}

function named(path: string, form: string): string {
  if (path === '') {
    throw new ElfgateError('usage', 'no file or directory is named', { hint: form });
  }
  return path;
}
