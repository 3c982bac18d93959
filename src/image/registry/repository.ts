import { pipeline, Readable } from 'node:stream';
import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Patience, StoredManifest, WritableContentStore } from '../content-store.ts';
import { type Descriptor, mediaTypes } from '../descriptor.ts';
import { type Digest, digestOf, isDigest, verifyBytes, verifyingStream } from '../digest.ts';
import { artifactOf, parseIndex, subjectOf } from '../manifest.ts';
import { mendedDownload } from './blob-download.ts';
import { type Answer, discard } from './exchange.ts';
import { pagesOf } from './pages.ts';
import type { RegistryHost, WholeAnswer } from './registry-host.ts';

const accepted = [mediaTypes.ociIndex, mediaTypes.ociManifest, mediaTypes.dockerList, mediaTypes.dockerManifest].join(
  ', ',
);

/**
 * One repository of a registry.
 *
 * @param mirrors hosts that hold copies, asked first for what its digest proves, and for tags; never for referrers, of
 * which a copy could lack some.
 */
export function repositoryOf(
  host: RegistryHost,
  mirrors: readonly RegistryHost[],
  repository: string,
): WritableContentStore {
  const name = `${host.name}/${repository}`;
  const pull = { text: `repository:${repository}:pull`, repository };
  const push = { text: `repository:${repository}:pull,push`, repository };
  const path = (rest: string): string => `/v2/${repository}/${rest}`;

  /** The first host that gives an answer; what a mirror lacks or gets wrong, the registry itself is asked for. */
  const fromNearest = async <Result>(
    read: (from: RegistryHost) => Promise<Result>,
    patience: Patience,
  ): Promise<Result> => {
    for (const mirror of mirrors) {
      try {
        return await read(mirror);
      } catch (error) {
        patience.signal?.throwIfAborted();
        if (!(error instanceof ElfgateError)) {
          throw error;
        }
      }
    }
    return read(host);
  };

  const manifestFrom = async (from: RegistryHost, tagOrDigest: string, patience: Patience): Promise<StoredManifest> => {
    const what = manifestName(tagOrDigest);
    const answer = await from.ask(
      {
        method: 'GET',
        path: path(`manifests/${tagOrDigest}`),
        scope: pull,
        headers: { accept: accepted },
        what: `${repository}: ${what}`,
        signal: patience.signal,
      },
      limits.manifestBytes,
    );
    assertFound(answer, name, what);
    return { descriptor: manifestDescriptor(answer, answer.bytes, tagOrDigest, name), bytes: answer.bytes };
  };

  const openBlobFrom = async (
    from: RegistryHost,
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    patience: Patience,
    called: string,
  ): Promise<Readable> => {
    const what = `${repository}: blob ${digest}`;
    const open = async (offset: number): Promise<Answer> => {
      const answer = await from.open({
        method: 'GET',
        path: path(`blobs/${digest}`),
        scope: pull,
        headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
        what,
        signal: patience.signal,
      });
      if (answer.status !== 200 && answer.status !== 206 && !(answer.status === 416 && offset > 0)) {
        discard(answer);
        throw blobMissing(answer, called);
      }
      return answer;
    };
    const first = await open(0);
    const source = Readable.from(
      mendedDownload(first, size, called, open, { slowness: from.slowness, signal: patience.signal }),
    );
    // pipeline hands each end's failure to the other; who reads the result sees it there.
    return pipeline(source, verifyingStream(digest, size, called), () => {});
  };

  const fallbackReferrers = async (digest: Digest, patience: Patience): Promise<readonly Descriptor[]> => {
    try {
      const { bytes } = await manifestFrom(host, fallbackTag(digest), patience);
      return parseIndex(bytes, `${name}: index ${fallbackTag(digest)}`);
    } catch (error) {
      if (error instanceof ElfgateError && error.code === 'not-found') {
        return [];
      }
      throw error;
    }
  };

  /** Null where the registry has no API for it. It is not asked to filter: one that gets types wrong would hide some. */
  const listedReferrers = async (digest: Digest, patience: Patience): Promise<readonly Descriptor[] | null> => {
    const found: Descriptor[] = [];
    const call = {
      path: path(`referrers/${digest}`),
      scope: pull,
      headers: { accept: mediaTypes.ociIndex },
      what: `${repository}: referrers of ${digest}`,
      signal: patience.signal,
    };
    for await (const answer of pagesOf(host, call)) {
      // Registries without the API answer in all these ways.
      if ([400, 404, 405, 406, 501].includes(answer.status)) {
        return null;
      }
      assertFound(answer, name, `referrers of ${digest}`);
      found.push(...parseIndex(answer.bytes, `${name}: referrers of ${digest}`));
      if (found.length > limits.referrers) {
        throw new ElfgateError('limit', `${name}: ${digest} has more than ${limits.referrers} referrers`);
      }
    }
    return found;
  };

  /** go-containerregistry's registry lists the type of the configuration where a manifest has a type of its own. */
  const withOwnType = async (listed: Descriptor, patience: Patience): Promise<Descriptor> => {
    if (listed.artifactType !== null && listed.artifactType !== mediaTypes.ociEmpty) {
      return listed;
    }
    const { bytes } = await manifestFrom(host, listed.digest, patience);
    return { ...listed, ...artifactOf(bytes, `${name}: manifest ${listed.digest}`) };
  };

  const putManifest = async (bytes: Uint8Array, mediaType: string, tagOrDigest: string, patience: Patience) => {
    const what = manifestName(tagOrDigest);
    const answer = await host.ask(
      {
        method: 'PUT',
        path: path(`manifests/${tagOrDigest}`),
        scope: push,
        headers: { 'content-type': mediaType },
        body: bytes,
        what: `${repository}: ${what}`,
        signal: patience.signal,
      },
      limits.registryErrorBytes,
    );
    assertTaken(answer, name, what);
    return answer;
  };

  // One after the other, as far as that is in our hands: who reads and writes in between undoes what another has added.
  let lastAdded: Promise<unknown> = Promise.resolve();

  /** Adds to the index of referrers that registries without the API keep by a tag (referrers tag schema). */
  const addToFallback = async (subject: Digest, added: Descriptor, patience: Patience): Promise<void> => {
    // Others may write at the same time and nothing locks it: what is written is read again.
    for (let tries = 0; tries < limits.registryTries; tries++) {
      const present = await fallbackReferrers(subject, patience);
      if (present.some(({ digest }) => digest === added.digest)) {
        return;
      }
      const manifests = [...present, added].map(plainDescriptor);
      const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
      await putManifest(Buffer.from(JSON.stringify(index)), mediaTypes.ociIndex, fallbackTag(subject), patience);
    }
    throw new ElfgateError('unreachable', `${name}: ${added.digest} cannot be listed as a referrer of ${subject}`);
  };

  return {
    name,

    resolve: (tagOrDigest, patience = {}) =>
      fromNearest(async (from) => {
        const what = manifestName(tagOrDigest);
        const answer = await from.ask(
          {
            method: 'HEAD',
            path: path(`manifests/${tagOrDigest}`),
            scope: pull,
            headers: { accept: accepted },
            what: `${repository}: ${what}`,
            signal: patience.signal,
          },
          0,
        );
        assertFound(answer, name, what);
        const digest = isDigest(tagOrDigest) ? tagOrDigest : answer.headers['docker-content-digest'];
        const size = Number(answer.headers['content-length'] ?? Number.NaN);
        // Registries need not say either to HEAD.
        return isDigest(digest) && Number.isSafeInteger(size)
          ? bareDescriptor(contentType(answer), digest, size)
          : (await manifestFrom(from, tagOrDigest, patience)).descriptor;
      }, patience),

    manifest: (tagOrDigest, patience = {}) =>
      fromNearest((from) => manifestFrom(from, tagOrDigest, patience), patience),

    async blob(descriptor, most, patience = {}) {
      if (descriptor.size > most) {
        throw new ElfgateError(
          'limit',
          `${name}: blob ${descriptor.digest} has ${descriptor.size} bytes, more than the ${most} that are read here`,
        );
      }
      return fromNearest(async (from) => {
        const chunks: Buffer[] = [];
        for await (const chunk of await openBlobFrom(
          from,
          descriptor,
          patience,
          `${name}: blob ${descriptor.digest}`,
        )) {
          chunks.push(chunk);
        }
        return Buffer.concat(chunks);
      }, patience);
    },

    openBlob: (descriptor, patience = {}, what = `${name}: blob ${descriptor.digest}`) =>
      fromNearest((from) => openBlobFrom(from, descriptor, patience, what), patience),

    async referrers(digest, artifactType, patience = {}) {
      const listed = (await listedReferrers(digest, patience)) ?? (await fallbackReferrers(digest, patience));
      const found = await Promise.all(listed.map((each) => withOwnType(each, patience)));
      return artifactType === null ? found : found.filter((each) => each.artifactType === artifactType);
    },

    async tags(patience = {}) {
      const call = { path: path('tags/list'), scope: pull, what: `${repository}: tags`, signal: patience.signal };
      const tags: string[] = [];
      for await (const answer of pagesOf(host, call)) {
        assertFound(answer, name, 'such repository');
        tags.push(...namesIn(answer, 'tags', `${name}: its list of tags`));
        if (tags.length > limits.registryListEntries) {
          throw new ElfgateError('limit', `${name}: has more than ${limits.registryListEntries} tags`);
        }
      }
      return tags;
    },

    async pushBlob(bytes, mediaType, patience = {}) {
      const digest = digestOf(bytes);
      const what = `blob ${digest}`;
      const call = { scope: push, what: `${repository}: ${what}`, signal: patience.signal };
      const present = await host.ask({ ...call, method: 'HEAD', path: path(`blobs/${digest}`) }, 0);
      if (present.status !== 200) {
        const begun = await host.ask(
          { ...call, method: 'POST', path: path('blobs/uploads/'), body: Buffer.alloc(0) },
          limits.registryErrorBytes,
        );
        assertTaken(begun, name, what);
        const place = new URL(begun.headers.location ?? '', begun.url);
        place.searchParams.set('digest', digest);
        const ended = await host.ask(
          {
            ...call,
            method: 'PUT',
            path: place,
            headers: { 'content-type': 'application/octet-stream' },
            body: bytes,
          },
          limits.registryErrorBytes,
        );
        assertTaken(ended, name, what);
      }
      return bareDescriptor(mediaType, digest, bytes.length);
    },

    async pushManifest(bytes, mediaType, tag, patience = {}) {
      const digest = digestOf(bytes);
      const subject = subjectOf(bytes, `${name}: manifest ${digest}`);
      const answer = await putManifest(bytes, mediaType, tag ?? digest, patience);
      const descriptor = bareDescriptor(mediaType, digest, bytes.length);
      // The header says that the registry lists it; some list it and do not say so.
      if (
        subject !== null &&
        answer.headers['oci-subject'] === undefined &&
        (await listedReferrers(subject, patience)) === null
      ) {
        const added = { ...descriptor, ...artifactOf(bytes, name) };
        const adding = lastAdded.then(() => addToFallback(subject, added, patience));
        lastAdded = adding.catch(() => {});
        await adding;
      }
      return descriptor;
    },
  };
}

/** The names in an answer of the lists of tags and repositories. @throws ElfgateError `malformed` */
export function namesIn({ bytes }: WholeAnswer, key: 'tags' | 'repositories', what: string): readonly string[] {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString());
  } catch (cause) {
    throw new ElfgateError('malformed', `${what} is not JSON`, { cause });
  }
  const names = typeof document === 'object' && document !== null ? Reflect.get(document, key) : undefined;
  // A repository without tags has null.
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

/** @throws ElfgateError `not-found`, or `unreachable` for any other answer than success. */
export function assertFound(answer: Answer, name: string, what: string): void {
  if (answer.status === 404) {
    throw new ElfgateError('not-found', `${name}: there is no ${what}`, {
      hint: `check the spelling: crane ls ${name} lists what there is`,
    });
  }
  if (answer.status !== 200) {
    throw new ElfgateError('unreachable', `${name}: ${what}: answers with status ${answer.status}`);
  }
}

function blobMissing({ status }: Answer, called: string): ElfgateError {
  return status === 404
    ? new ElfgateError('not-found', `${called}: the registry has no such blob`, {
        hint: 'the image was pushed incompletely, or its blobs were removed; push it again',
      })
    : new ElfgateError('unreachable', `${called}: answers with status ${status}`);
}

function assertTaken(answer: WholeAnswer, name: string, what: string): void {
  if (answer.status !== 201 && answer.status !== 202 && answer.status !== 204) {
    throw new ElfgateError(
      'denied',
      `${name}: ${what} is not taken (status ${answer.status}${errorCode(answer.bytes)})`,
    );
  }
}

/** The code of an error as registries describe it; never its message, which may repeat what it was sent. */
function errorCode(bytes: Buffer): string {
  const code = /"code"\s*:\s*"([A-Z_]{1,40})"/.exec(bytes.toString('latin1'))?.[1];
  return code === undefined ? '' : `, ${code}`;
}

function manifestName(tagOrDigest: string): string {
  return isDigest(tagOrDigest) ? `manifest ${tagOrDigest}` : `tag ${tagOrDigest}`;
}

function manifestDescriptor(answer: Answer, bytes: Buffer, tagOrDigest: string, name: string): Descriptor {
  const type = contentType(answer);
  if (type === 'text/html') {
    throw new ElfgateError('unreachable', `${name}: answers with a web page instead of a manifest`, {
      hint: 'this is no registry, or a proxy or login page stands before it',
    });
  }
  const named = answer.headers['docker-content-digest'];
  const promised = isDigest(tagOrDigest) ? tagOrDigest : isDigest(named) ? named : null;
  if (promised !== null) {
    verifyBytes(bytes, promised, `${name}: ${manifestName(tagOrDigest)}`);
  }
  return bareDescriptor(type, promised ?? digestOf(bytes), bytes.length);
}

function contentType({ headers }: Answer): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function bareDescriptor(mediaType: string, digest: Digest, size: number): Descriptor {
  return { mediaType, digest, size, artifactType: null, annotations: {}, platform: null };
}

/** A descriptor as it is written: without what it does not say. */
function plainDescriptor({ mediaType, digest, size, artifactType, annotations }: Descriptor): object {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === null ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

function fallbackTag(digest: Digest): string {
  return digest.replace(':', '-').slice(0, 128);
}
