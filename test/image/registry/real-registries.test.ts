import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ElfgateError } from '../../../src/errors.ts';
import type { WritableContentStore } from '../../../src/image/content-store.ts';
import { mediaTypes } from '../../../src/image/descriptor.ts';
import { digestOf } from '../../../src/image/digest.ts';
import type { Image } from '../../../src/image/image.ts';
import { imageSourceOf } from '../../../src/image/image-source.ts';
import { openImages } from '../../../src/image/open-images.ts';
import { formatPlatform, parsePlatform } from '../../../src/image/platform.ts';
import { type RegistryClient, registryClient } from '../../../src/image/registry/client.ts';
import { anonymous, type CredentialSource } from '../../../src/image/registry/credentials.ts';
import type { RegistrySettings } from '../../../src/image/registry/settings.ts';
import { artifacts } from '../../lab/lab.ts';
import { runProgram } from '../../lab/process.ts';
import {
  crane,
  startDistribution,
  startReferrersRegistry,
  startSecuredDistribution,
} from '../../lab/registry-server.ts';

const lab = await artifacts(['registry/distribution', 'registry/referrers', 'registry/crane']);
const directory = mkdtempSync(join(tmpdir(), 'elfgate-images-'));

function clientFor(
  t: ExecutionContext,
  registries: readonly RegistrySettings[] = [],
  credentials: CredentialSource = anonymous,
): RegistryClient {
  const client = registryClient({ registries, credentials, environment: {} });
  t.teardown(client.close);
  return client;
}

async function read(client: RegistryClient, target: string, platform?: string): Promise<readonly Image[]> {
  const source = imageSourceOf(target, existsSync);
  if (source === null) {
    throw new Error(`${target} names no image`);
  }
  return openImages(source, { platform: platform === undefined ? null : parsePlatform(platform), registries: client });
}

/** Digest of each layer's bytes as they came. */
async function layerDigests(image: Image): Promise<readonly string[]> {
  return Promise.all(
    image.layers.map(async (layer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of await image.openLayer(layer)) {
        chunks.push(chunk);
      }
      return digestOf(Buffer.concat(chunks));
    }),
  );
}

/** Pushes an image of two layers with crane. */
async function pushWithCrane(program: string, image: string): Promise<void> {
  for (const number of [1, 2]) {
    const file = join(directory, `layer-${number}`);
    writeFileSync(file, randomBytes(number * 500_000));
    await runProgram('/usr/bin/tar', ['cf', `${file}.tar`, '-C', directory, `layer-${number}`]);
  }
  const layers = [1, 2].flatMap((number) => ['-f', join(directory, `layer-${number}.tar`)]);
  await crane(program, ['append', '--insecure', '--oci-empty-base', ...layers, '-t', image]);
  await crane(program, [
    'mutate',
    '--insecure',
    image,
    '--entrypoint',
    '/app',
    '--env',
    'A=b',
    '--user',
    '10:20',
    '-t',
    image,
  ]);
}

test.serial('what crane pushed to each registry is what is read, and what crane and skopeo read', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  for (const start of [startReferrersRegistry, startDistribution]) {
    const program = start === startDistribution ? lab.path['registry/distribution'] : lab.path['registry/referrers'];
    const registry = await start(program);
    t.teardown(registry.stop);
    const name = `${registry.host}/team/app:1`;
    await pushWithCrane(lab.path['registry/crane'], name);
    const [image] = await read(clientFor(t), name);
    const manifest = JSON.parse(await crane(lab.path['registry/crane'], ['manifest', name]));
    const config = JSON.parse(await crane(lab.path['registry/crane'], ['config', name]));
    t.is(image?.digest, (await crane(lab.path['registry/crane'], ['digest', name])).trim() as Image['digest']);
    t.is(image?.reference, name);
    t.is(image?.indexDigest, null);
    t.deepEqual(
      image?.layers.map(({ mediaType, digest, size }) => ({ mediaType, size, digest })),
      manifest.layers,
    );
    t.deepEqual(image?.config.diffIds, config.rootfs.diff_ids);
    t.deepEqual(
      { entrypoint: image?.config.entrypoint, env: image?.config.env, user: image?.config.user },
      { entrypoint: ['/app'], env: ['A=b'], user: '10:20' },
    );
    t.deepEqual(
      image === undefined ? [] : await layerDigests(image),
      manifest.layers.map(({ digest }: { digest: string }) => digest),
    );
    const skopeo = await runProgram('/usr/bin/skopeo', ['inspect', '--tls-verify=false', `docker://${name}`]).catch(
      () => null,
    );
    if (skopeo === null) {
      t.log('skopeo is not on this machine: apt-get install skopeo');
    } else {
      t.is(JSON.parse(skopeo.stdout).Digest, image?.digest);
      t.deepEqual(
        JSON.parse(skopeo.stdout).Layers,
        image?.layers.map(({ digest }) => digest),
      );
    }
  }
});

test.serial('the same image is read from a layout, its archive, and a docker archive', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const registry = await startReferrersRegistry(lab.path['registry/referrers']);
  t.teardown(registry.stop);
  const program = lab.path['registry/crane'];
  const name = `${registry.host}/team/app:1`;
  await pushWithCrane(program, name);
  const layout = join(directory, 'layout');
  await crane(program, ['pull', '--format=oci', '--annotate-ref', name, layout]);
  await crane(program, ['pull', name, join(directory, 'docker.tar')]);
  await runProgram('/usr/bin/tar', ['cf', join(directory, 'oci.tar'), '-C', layout, '.']);
  const client = clientFor(t);
  const [pulled] = await read(client, name);
  const expected = pulled === undefined ? [] : await layerDigests(pulled);
  for (const target of [
    `oci:${layout}`,
    `oci:${layout}@${pulled?.digest}`,
    `oci-archive:${join(directory, 'oci.tar')}`,
  ]) {
    const [image] = await read(client, target);
    t.is(image?.reference, target);
    t.is(image?.digest, pulled?.digest);
    t.deepEqual(image?.layers, pulled?.layers);
    t.deepEqual(image?.config, pulled?.config);
    t.deepEqual(image === undefined ? [] : await layerDigests(image), expected);
  }
  for (const target of [
    `docker-archive:${join(directory, 'docker.tar')}`,
    `docker-archive:${join(directory, 'docker.tar')}:${name}`,
  ]) {
    const [image] = await read(client, target);
    t.deepEqual(image?.config, pulled?.config);
    t.deepEqual(image === undefined ? [] : await layerDigests(image), pulled?.config.diffIds);
  }
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    [`oci:${layout}:absent`, 'not-found', /there is no tag absent$/],
    [`oci:${layout}@sha256:${'0'.repeat(64)}`, 'not-found', /there is no manifest sha256:0+$/],
    [`oci:${directory}`, 'unsupported-format', /is no OCI layout: it has no index\.json$/],
    [`docker-archive:${join(directory, 'docker.tar')}:other:1`, 'not-found', /holds no image other:1$/],
    [
      `docker-archive:${join(directory, 'oci.tar')}`,
      'unsupported-format',
      /is no docker archive: it has no manifest\.json$/,
    ],
    [`oci-archive:${join(directory, 'layer-1')}`, 'malformed', /is no tar archive, or a damaged one$/],
    [`oci-archive:${join(directory, 'absent')}`, 'unreadable', /there is no such file or directory$/],
    [`oci-archive:${directory}`, 'unreadable', /not a regular file$/],
  ];
  for (const [target, code, message] of wrong) {
    const error = await t.throwsAsync(read(client, target), { instanceOf: ElfgateError });
    t.is(error.code as string, code, target);
    t.regex(error.message, message);
  }
});

test.serial('an index gives an image for each platform, and attestations are none', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const registry = await startReferrersRegistry(lab.path['registry/referrers']);
  t.teardown(registry.stop);
  const store = clientFor(t).repository({ registry: registry.host, repository: 'app' });
  const manifests: object[] = [];
  for (const platform of ['linux/amd64', 'linux/arm64/v8', 'unknown/unknown']) {
    const { os, architecture, variant } = parsePlatform(platform);
    const described = { os, architecture, ...(variant === null ? {} : { variant }) };
    const config = await store.pushBlob(Buffer.from(JSON.stringify(described)), mediaTypes.ociConfig);
    const { digest, size } = config;
    const bytes = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest, size },
      layers: [],
    });
    const pushed = await store.pushManifest(Buffer.from(bytes), mediaTypes.ociManifest, null);
    manifests.push({ mediaType: pushed.mediaType, digest: pushed.digest, size: pushed.size, platform: described });
  }
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  const { digest } = await store.pushManifest(Buffer.from(index), mediaTypes.ociIndex, 'all');
  const name = `${registry.host}/app:all`;
  const images = await read(clientFor(t), name);
  t.deepEqual(
    images.map(({ platform, indexDigest }) => [formatPlatform(platform), indexDigest]),
    [
      ['linux/amd64', digest],
      ['linux/arm64/v8', digest],
    ],
  );
  t.deepEqual(
    (await read(clientFor(t), name, 'linux/arm64')).map(({ digest: each }) => each),
    [images[1]?.digest],
  );
  const error = await t.throwsAsync(read(clientFor(t), name, 'linux/s390x'), { instanceOf: ElfgateError });
  t.is(error.code, 'not-found');
  t.is(error.hint, 'it is made for linux/amd64, linux/arm64/v8');
  t.deepEqual(await store.tags(), ['all']);
  t.is((await store.resolve('all')).digest, digest);
});

test.serial('a registry with TLS of its own authority and tokens is read and written', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const registry = await startSecuredDistribution(lab.path['registry/distribution']);
  t.teardown(registry.stop);
  const settings = [{ host: registry.host, plainHttp: false, ca: registry.ca, mirrors: [] }];
  const { username, password } = registry;
  const credentials: CredentialSource = {
    credentialsFor: async () => ({ kind: 'password', username, password }),
  };
  const client = clientFor(t, settings, credentials);
  await pushArtifact(client.repository({ registry: registry.host, repository: 'team/app' }), 'signed', null);
  await pushArtifact(client.repository({ registry: registry.host, repository: 'other' }), '1', null);
  const fresh = clientFor(t, settings, credentials);
  const store = fresh.repository({ registry: registry.host, repository: 'team/app' });
  await Promise.all([store.tags(), store.resolve('signed'), store.manifest('signed')]);
  t.deepEqual(registry.askedScopes, [
    'repository:team/app:pull,push',
    'repository:other:pull,push',
    'repository:team/app:pull',
  ]);
  const repositories: string[] = [];
  for await (const repository of fresh.catalog(registry.host)) {
    repositories.push(repository);
  }
  t.deepEqual(repositories, ['other', 'team/app']);

  const untrusted = await t.throwsAsync(
    clientFor(t, [], credentials).repository({ registry: registry.host, repository: 'team/app' }).tags(),
    { instanceOf: ElfgateError },
  );
  t.is(untrusted.code, 'unreachable');
  t.regex(untrusted.message, /its certificate is not trusted/);
  const stranger = await t.throwsAsync(
    clientFor(t, settings).repository({ registry: registry.host, repository: 'team/app' }).tags(),
    { instanceOf: ElfgateError },
  );
  t.is(stranger.code, 'denied');
  t.regex(stranger.message, /not for anonymous visitors/);
  const wrong: CredentialSource = {
    credentialsFor: async () => ({ kind: 'password', username, password: 'wrong-one' }),
  };
  const refused = await t.throwsAsync(
    clientFor(t, settings, wrong).repository({ registry: registry.host, repository: 'team/app' }).tags(),
    { instanceOf: ElfgateError },
  );
  t.is(refused.code, 'denied');
  t.notRegex(`${refused.message}${refused.hint}`, /wrong-one/);
});

test.serial('what belongs to an image is found by the referrers API, and by the tag where there is none', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  for (const start of [startReferrersRegistry, startDistribution]) {
    const program = start === startDistribution ? lab.path['registry/distribution'] : lab.path['registry/referrers'];
    const registry = await start(program);
    t.teardown(registry.stop);
    const store = clientFor(t).repository({ registry: registry.host, repository: 'app' });
    const image = await pushArtifact(store, '1', null);
    t.deepEqual(await store.referrers(image, null), []);
    const first = await pushArtifact(store, null, image, 'application/x.signature');
    const others = await Promise.all(
      [1, 2, 3].map((each) => pushArtifact(store, null, image, `application/x.sbom.${each}`)),
    );
    const found = await store.referrers(image, 'application/x.signature');
    t.deepEqual(
      found.map(({ digest, artifactType, annotations }) => ({ digest, artifactType, annotations })),
      [{ digest: first, artifactType: 'application/x.signature', annotations: { note: 'application/x.signature' } }],
    );
    t.deepEqual(
      (await store.referrers(image, null)).map(({ digest }) => digest).sort(),
      [first, ...others].sort(),
      'none is lost when several are pushed at once',
    );
  }
});

/** Pushes a small manifest, and gives its digest. */
async function pushArtifact(
  store: WritableContentStore,
  tag: string | null,
  subject: Image['digest'] | null,
  artifactType = 'application/x.test',
): Promise<Image['digest']> {
  const config = await store.pushBlob(Buffer.from('{}'), mediaTypes.ociEmpty);
  const of = subject === null ? null : await store.resolve(subject);
  const bytes = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: { mediaType: config.mediaType, digest: config.digest, size: config.size },
    layers: [],
    ...(of === null ? {} : { subject: { mediaType: of.mediaType, digest: of.digest, size: of.size } }),
    annotations: { note: artifactType },
  });
  return (await store.pushManifest(Buffer.from(bytes), mediaTypes.ociManifest, tag)).digest;
}
