import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadAll } from 'js-yaml';
import { emptyDirectory } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { redisMissing, startRedis } from '../lab/redis-server.ts';
import { startReferrersRegistry } from '../lab/registry-server.ts';
import { runScan, startScan } from '../scan/run-scan.ts';
import { pushSmallImages } from '../scan/watched-registry.ts';

const directory = join(import.meta.dirname, '..', '..', 'examples', 'kubernetes');
const files = readdirSync(directory).filter((name) => name.startsWith('scan-'));
const lab = await artifacts(['registry/referrers', 'c/hello-static']);

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly selector?: { readonly matchLabels: object };
    readonly template?: PodTemplate;
    readonly jobTemplate?: { readonly spec: { readonly template: PodTemplate } };
  };
}

interface PodTemplate {
  readonly metadata?: { readonly labels: object };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly volumes: readonly {
      readonly name: string;
      readonly configMap?: { readonly name: string };
      readonly persistentVolumeClaim?: { readonly claimName: string };
    }[];
  };
}

interface Container {
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

function manifestsOf(file: string): readonly Manifest[] {
  return loadAll(readFileSync(join(directory, file), 'utf8')) as unknown as readonly Manifest[];
}

function templateOf({ spec }: Manifest): PodTemplate | undefined {
  return spec?.jobTemplate?.spec.template ?? spec?.template;
}

for (const file of files) {
  test(`${file}: what its pods mount is there, and its selectors select them`, (t) => {
    const manifests = manifestsOf(file);
    const has = (kind: string, name: string) =>
      manifests.some((manifest) => manifest.kind === kind && manifest.metadata.name === name);
    for (const manifest of manifests) {
      const template = templateOf(manifest);
      if (manifest.spec?.selector !== undefined) {
        t.deepEqual(manifest.spec.selector.matchLabels, template?.metadata?.labels ?? {});
      }
      for (const { configMap, persistentVolumeClaim } of template?.spec.volumes ?? []) {
        t.true(configMap === undefined || has('ConfigMap', configMap.name));
        t.true(persistentVolumeClaim === undefined || has('PersistentVolumeClaim', persistentVolumeClaim.claimName));
      }
      for (const { volumeMounts, env } of template?.spec.containers ?? []) {
        const volumes = template?.spec.volumes.map(({ name }) => name);
        t.deepEqual(volumeMounts.map(({ name }) => name).sort(), volumes?.toSorted());
        for (const { value } of env) {
          t.true(value === undefined || volumeMounts.some(({ mountPath }) => value.startsWith(mountPath)), value);
        }
      }
    }
  });

  test(`${file}: its commands scan a registry`, async (t) => {
    if (!lab.available || redisMissing !== null) {
      t.log(lab.available ? redisMissing : lab.reason);
      return t.pass();
    }
    const registry = await startReferrersRegistry(lab.path['registry/referrers']);
    t.teardown(registry.stop);
    const redis = await startRedis();
    t.teardown(redis.stop);
    const program = lab.path['c/hello-static'];
    await pushSmallImages(registry.host, [{ repository: 'team/app', tag: '1', program, number: Date.now() }]);
    const manifests = manifestsOf(file);
    const root = emptyDirectory();
    /** As it would be inside of the pod, and this registry and Redis for those that are named. */
    const placed = (text: string) =>
      text
        .replaceAll('registry.example.com', registry.host)
        .replace('$(REDIS_URL)', redis.url)
        .replace(/^(--[a-z]+=)?\//, (_, option = '') => `${option}${root}/`);
    mkdirSync(join(root, 'etc/elfgate'), { recursive: true });
    mkdirSync(join(root, 'tmp'));
    for (const [name, text] of manifests.flatMap(({ data }) => Object.entries(data ?? {}))) {
      writeFileSync(join(root, 'etc/elfgate', name), text.replaceAll('registry.example.com', `'${registry.host}'`));
    }
    const containers = manifests.flatMap((manifest) => templateOf(manifest)?.spec.containers ?? []);
    t.true(containers.length > 0);
    t.true(containers.every(({ command }) => command.join(' ') === 'elfgate scan'));
    const isWorker = ({ args }: Container) => args.includes('--worker');
    const workers = containers.filter(isWorker).map(({ args }) => startScan(args.map(placed)));
    for (const worker of workers) {
      t.teardown(() => worker.process.kill('SIGKILL'));
      await worker.says('waiting for images');
    }
    for (const { args } of containers.filter((container) => !isWorker(container))) {
      const { exitCode, lines, stderr } = await runScan(args.map(placed));
      t.is(exitCode, 0, stderr);
      t.deepEqual(
        lines.map(({ image, error }) => [image, error]),
        [[`${registry.host}/team/app:1`, null]],
      );
    }
    for (const worker of workers) {
      worker.process.kill('SIGTERM');
      t.is((await worker.ended).exitCode, 0);
    }
  });
}
