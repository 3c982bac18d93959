import test from 'ava';
import type { InspectedImage } from '../../src/admission/image-facts.ts';
import { documentPreparation, type PreparedDocument } from '../../src/admission/prepared-documents.ts';
import { documentsOfPod } from '../../src/admission/workload-documents.ts';
import type { LaunchFacts } from '../../src/facts/schema.ts';
import { parseReference } from '../../src/image/reference.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { encodeInput } from '../../src/policy/evaluation-input.ts';
import type { ValueImage } from '../../src/policy/value-image.ts';
import { podSpecOf } from '../../src/workload/pod-spec.ts';
import { artifacts } from '../lab/lab.ts';
import { knownImages } from '../webhook/webhook-under-test.ts';

const host = 'registry.example.com/gateway:1';
const plugin = 'registry.example.com/audit:1';

const podOf = (further: object = {}, volumeImage: string | null = plugin) =>
  podSpecOf({
    containers: [
      { name: 'gateway', image: host, volumeMounts: [{ name: 'plugins', mountPath: '/plugins' }], ...further },
    ],
    volumes: volumeImage === null ? [] : [{ name: 'plugins', image: { reference: volumeImage } }],
  });

/** What the image of a program says about how it is started. */
const launch: LaunchFacts = {
  user: '',
  workingDirectory: '/',
  entrypoint: ['/usr/bin/gateway'],
  arguments: [],
  environment: [],
  preload: [],
  libraryPath: [],
  executable: 'usr/bin/gateway',
};

/** The same image, inspected with another result. */
function differing(
  image: InspectedImage,
  contents: Partial<InspectedImage['platforms'][number]['contents']>,
): InspectedImage {
  return {
    ...image,
    platforms: image.platforms.map((platform) => ({ ...platform, contents: { ...platform.contents, ...contents } })),
  };
}

const inputOf = ({ input }: PreparedDocument) => input;

test('documents are made once for pods that differ in nothing, and again for everything that makes a difference', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['go/host', 'go/plugin', 'go/plugin@1.25']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const { path } = lab;
  const inspected = async (files: Record<string, string>): Promise<InspectedImage> => {
    const images = knownImages({ 'registry.example.com/x:1': files });
    const digest = images.digestOf('registry.example.com/x:1');
    return images.inspect(
      { ...parseReference('registry.example.com/x:1'), digest },
      anonymous,
      AbortSignal.timeout(60_000),
    );
  };
  const program = await inspected({ 'usr/bin/gateway': path['go/host'] });
  const gateway = differing(program, { launch });
  const images = new Map([
    [host, gateway],
    [plugin, await inspected({ 'audit.so': path['go/plugin'] })],
  ]);
  const documentsOf = documentPreparation(1_000_000);
  const same = async (
    pod: ReturnType<typeof podOf>,
    of: ReadonlyMap<string, InspectedImage>,
  ): Promise<readonly ValueImage[]> => {
    const prepared = await documentsOf(pod, of, null);
    const made = await documentsOfPod(pod, of, null);
    t.deepEqual(
      prepared.map(inputOf),
      made.map((document) => encodeInput(document)),
    );
    t.deepEqual(
      prepared.map(({ target }) => target),
      made.map(({ subject }) => subject.name),
    );
    return prepared.map(inputOf);
  };

  const first = await documentsOf(podOf(), images, null);
  t.is(first.length, 2);
  const again = await documentsOf(podOf({ resources: { limits: { memory: '1Gi' } } }), images, null);
  t.true(again.every((document, index) => document === first[index]));

  const loads = await same(podOf(), images);
  t.notDeepEqual(await same(podOf({ env: [{ name: 'LD_PRELOAD', value: '/x.so' }] }), images), loads);
  t.notDeepEqual(await same(podOf({ command: ['/bin/other'] }), images), loads);
  t.is((await same(podOf({}, null), images)).length, 1);
  // A name that stands for something else now, as a tag that was moved.
  const moved = new Map(images).set(plugin, await inspected({ 'audit.so': path['go/plugin@1.25'] }));
  t.notDeepEqual(await same(podOf(), moved), loads);
  t.deepEqual(await same(podOf(), images), loads);
  // One that is not known is not taken from the time when it was.
  t.deepEqual(
    await same(podOf(), new Map([[host, gateway]])),
    (await documentsOfPod(podOf(), new Map([[host, gateway]]), null)).map((document) => encodeInput(document)),
  );
  // Other than before only in who made it.
  const problem = { path: '', code: 'unreachable', message: 'who made it could not be found out' };
  const doubted = differing(gateway, { problems: [problem] });
  const [judged] = await documentsOf(podOf(), new Map(images).set(host, doubted), null);
  t.deepEqual(judged?.problems, [problem]);
});

test('nothing is remembered that does not fit', async (t) => {
  const empty = new Map<string, InspectedImage>();
  const documentsOf = documentPreparation(1);
  t.deepEqual(await documentsOf(podOf(), empty, null), []);
});
