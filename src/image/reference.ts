import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Digest, isDigest } from './digest.ts';

/** Where an image is kept, with everything filled in that people leave out. */
export interface Reference {
  /** Host with its port: `registry.example.com:5000`, `[::1]:5000`; `docker.io` for Docker's own. */
  readonly registry: string;
  /** `team/app`; `library/debian` for Docker's official images. */
  readonly repository: string;
  /** `latest` when the text has neither tag nor digest. */
  readonly tag: string | null;
  /** When both are there the digest decides and the tag is only a name for people. */
  readonly digest: Digest | null;
}

const defaultRegistry = 'docker.io';

// The grammar of github.com/distribution/reference (regexp.go), in which no part can match in two ways.
const pathComponent = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const domainName = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registryPattern = new RegExp(`^(?:${domainName}(?:\\.${domainName})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
const repositoryPattern = new RegExp(`^${pathComponent}(?:/${pathComponent})*$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const imageIdPattern = /^[0-9a-f]{64}$/;

/** Whether a text can be a tag. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** Whether a text can be the name of a repository within a registry. */
export function isRepository(text: string): boolean {
  return text.length <= limits.repositoryNameBytes && repositoryPattern.test(text);
}

/** Whether a text can be the host of a registry, with or without a port. */
export function isRegistry(text: string): boolean {
  return text.length <= limits.repositoryNameBytes && registryPattern.test(text);
}

/**
 * Reads a reference as docker does: `debian` is `docker.io/library/debian:latest`, and the first part is a registry when
 * it has a dot, a port or capitals, or is `localhost`.
 *
 * @throws ElfgateError `usage` when it is none.
 */
export function parseReference(text: string): Reference {
  if (text.length > limits.referenceBytes) {
    throw invalid(`${text.slice(0, 64)}…`, `has more than ${limits.referenceBytes} characters`);
  }
  const at = text.indexOf('@');
  const digest = at === -1 ? null : text.slice(at + 1);
  if (digest !== null && !isDigest(digest)) {
    throw invalid(text, 'what follows the @ is no digest');
  }
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon === -1 ? null : named.slice(colon + 1);
  if (tag !== null && !isTag(tag)) {
    throw invalid(text, 'the tag has other characters than letters, digits, _ . and -, or is too long');
  }
  const name = colon === -1 ? named : named.slice(0, colon);
  if (imageIdPattern.test(name)) {
    throw invalid(text, 'it is an image id, which no registry knows');
  }
  const { registry, path } = splitRegistry(name);
  if (!isRegistry(registry)) {
    throw invalid(text, 'its registry is no host name');
  }
  const repository = registry === defaultRegistry && !path.includes('/') ? `library/${path}` : path;
  if (!isRepository(repository)) {
    throw invalid(
      text,
      path === path.toLowerCase() ? 'the repository is not valid' : 'the repository must be lower case',
    );
  }
  return { registry, repository, tag: tag ?? (digest === null ? 'latest' : null), digest };
}

/** The whole reference: `docker.io/library/debian:12@sha256:…`. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}

/** What decides in a reference: the digest, or else the tag. */
export function tagOrDigest({ tag, digest }: Reference): string {
  return digest ?? tag ?? 'latest';
}

function splitRegistry(name: string): { readonly registry: string; readonly path: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  if (slash === -1 || !(/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())) {
    return { registry: defaultRegistry, path: name };
  }
  // The name that docker used before, which configurations still hold.
  const registry = first === 'index.docker.io' ? defaultRegistry : first;
  return { registry, path: name.slice(slash + 1) };
}

function invalid(text: string, reason: string): ElfgateError {
  return new ElfgateError('usage', `${text} is no image reference: ${reason}`, {
    hint: 'as registry.example.com/team/app:1.2 or registry.example.com/team/app@sha256:…',
  });
}
