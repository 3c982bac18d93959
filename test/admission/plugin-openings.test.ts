import { tmpdir } from 'node:os';
import test from 'ava';
import type { InspectedImage } from '../../src/admission/image-facts.ts';
import { documentsOfPod } from '../../src/admission/workload-documents.ts';
import { inspectImages } from '../../src/facts/inspect-image.ts';
import type { ImageAccess } from '../../src/facts/inspected-target.ts';
import type { FactsStore } from '../../src/facts/store/facts-store.ts';
import { memoryStore } from '../../src/facts/store/memory-store.ts';
import { isDigest } from '../../src/image/digest.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { podSpecOf } from '../../src/workload/pod-spec.ts';
import { type ArtifactName, artifacts } from '../lab/lab.ts';

const gateway = 'registry.example.com/gateway:1';
const beside = 'registry.example.com/beside:1';

/** What is in an image of the lab, by its facts and what was kept of it. */
async function inspected(directory: string, store: FactsStore): Promise<InspectedImage> {
  const access: ImageAccess = {
    platform: null,
    registries: registryClient({ registries: [], credentials: anonymous, environment: {} }),
    temporaryDirectory: tmpdir(),
    store,
  };
  const [image] = await inspectImages(
    { name: directory, role: null },
    { kind: 'oci', directory, select: null },
    { symbols: 'counted' },
    access,
  );
  if (image === undefined || !isDigest(image.digest)) {
    throw new Error(`${directory} holds no image`);
  }
  const { name: _name, role: _role, ...contents } = image;
  return { digest: image.digest, platforms: [{ architecture: 'amd64', contents }] };
}

interface Surroundings {
  readonly mounts?: readonly object[];
  readonly volumes?: readonly object[];
  readonly env?: readonly object[];
}

async function imagesOf(store: FactsStore): Promise<ReadonlyMap<string, InspectedImage> | string> {
  const names = ['image/gateway', 'image/beside'] as const satisfies readonly ArtifactName[];
  const lab = await artifacts(names);
  return lab.available
    ? new Map([
        [gateway, await inspected(lab.path['image/gateway'], store)],
        [beside, await inspected(lab.path['image/beside'], store)],
      ])
    : lab.reason;
}

/** What plugin.Open does with each plugin of the image volume; null where that is not known. */
async function openings(
  images: ReadonlyMap<string, InspectedImage>,
  { mounts = [{ name: 'plugins', mountPath: '/plugins' }], volumes = [], env = [] }: Surroundings,
): Promise<Readonly<Record<string, string | null>>> {
  const pod = podSpecOf({
    containers: [{ name: 'gateway', image: gateway, volumeMounts: mounts, env }],
    volumes: [{ name: 'plugins', image: { reference: beside } }, ...volumes],
  });
  const documents = await documentsOfPod(pod, images, null);
  return Object.fromEntries(
    documents.flatMap(({ predictions }) =>
      predictions.plugins.map(({ plugin, prediction }) => [plugin, prediction?.reason ?? null]),
    ),
  );
}

test('a plugin in an image volume is opened in the root that its container sees', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const images = await imagesOf(memoryStore(64_000_000));
  if (typeof images === 'string') {
    t.log(`not run: ${images}`);
    return t.pass();
  }
  const mounted = { name: 'plugins', mountPath: '/plugins' };
  const libraryPath = (value: string) => [{ name: 'LD_LIBRARY_PATH', value }];
  const scratch = { name: 'scratch', emptyDir: {} };
  const cases: readonly (readonly [string, Surroundings, Readonly<Record<string, string | null>>])[] = [
    [
      'one finds its library beside itself, the other one nowhere',
      {},
      { 'beside.so': 'compatible', 'library.so': 'library-not-found' },
    ],
    [
      'the container says where libraries are: in the volume',
      { env: libraryPath('/plugins/lib') },
      { 'beside.so': 'compatible', 'library.so': 'compatible' },
    ],
    [
      'the container says so in a way that is not known here',
      { env: [{ name: 'LD_LIBRARY_PATH', valueFrom: { configMapKeyRef: { name: 'paths', key: 'libraries' } } }] },
      { 'beside.so': null, 'library.so': null },
    ],
    [
      'libraries may be in a volume whose files nobody knows',
      {
        mounts: [mounted, { name: 'scratch', mountPath: '/usr/local/lib' }],
        volumes: [scratch],
        env: libraryPath('/usr/local/lib'),
      },
      { 'beside.so': null, 'library.so': null },
    ],
    [
      'a volume over the directory of the C library, by a path of which no loader is told',
      { mounts: [mounted, { name: 'scratch', mountPath: '/lib/x86_64-linux-gnu' }], volumes: [scratch] },
      { 'beside.so': null, 'library.so': null },
    ],
    [
      'a volume where no loader looks',
      { mounts: [mounted, { name: 'scratch', mountPath: '/var/lib/gateway' }], volumes: [scratch] },
      { 'beside.so': 'compatible', 'library.so': 'library-not-found' },
    ],
    [
      'a volume over the libraries of the image volume',
      { mounts: [mounted, { name: 'scratch', mountPath: '/plugins/lib' }], volumes: [scratch] },
      { 'beside.so': null, 'library.so': 'library-not-found' },
    ],
    [
      'a part of the image is mounted, in which the plugins are not',
      { mounts: [{ ...mounted, subPath: 'lib' }] },
      { 'beside.so': null, 'library.so': null },
    ],
    [
      'one file of the image is mounted, without its library',
      { mounts: [{ ...mounted, mountPath: '/opt/beside.so', subPath: 'beside.so' }] },
      { 'beside.so': 'library-not-found', 'library.so': null },
    ],
    [
      'files are mounted over the list of what is loaded first',
      {
        mounts: [mounted, { name: 'scratch', mountPath: '/etc/ld.so.preload', subPath: 'preload' }],
        volumes: [scratch],
      },
      { 'beside.so': null, 'library.so': null },
    ],
  ];
  for (const [what, surroundings, expected] of cases) {
    t.deepEqual(await openings(images, surroundings), expected, what);
  }
});

test('what an init container may have copied into a shared directory is opened where nobody knows what is beside it', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const images = await imagesOf(memoryStore(64_000_000));
  if (typeof images === 'string') {
    t.log(`not run: ${images}`);
    return t.pass();
  }
  const volumeMounts = [{ name: 'shared', mountPath: '/plugins' }];
  const pod = podSpecOf({
    initContainers: [{ name: 'copy', image: beside, volumeMounts }],
    containers: [{ name: 'gateway', image: gateway, volumeMounts }],
    volumes: [{ name: 'shared', emptyDir: {} }],
  });
  const documents = await documentsOfPod(pod, images, null);
  t.deepEqual(
    documents.flatMap(({ predictions }) =>
      predictions.plugins.flatMap(({ plugin, host, prediction }) =>
        host.target === gateway ? [[plugin, prediction?.outcome, prediction?.reason, prediction?.undecided]] : [],
      ),
    ),
    [
      ['beside.so', 'fails', 'unknown-libraries', true],
      ['library.so', 'fails', 'library-not-found', false],
    ],
  );
});

test('where nothing was kept of an image, what plugin.Open does is not known', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const forgetful = { ...memoryStore(64_000_000), readRoot: async () => null };
  const images = await imagesOf(forgetful);
  if (typeof images === 'string') {
    t.log(`not run: ${images}`);
    return t.pass();
  }
  t.deepEqual(await openings(images, {}), { 'beside.so': null, 'library.so': null });
  const damaged = { ...memoryStore(64_000_000), readRoot: async () => Buffer.from('damaged') };
  const others = await imagesOf(damaged);
  t.deepEqual(typeof others === 'string' ? null : await openings(others, {}), {
    'beside.so': null,
    'library.so': null,
  });
});
