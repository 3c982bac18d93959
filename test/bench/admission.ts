import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { Agent, request as secureRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.ts';
import { inspect } from '../../src/facts/inspect.ts';
import { compilePolicies } from '../../src/policy/compile-policies.ts';
import { defaultConfiguration } from '../../src/policy/configuration/configuration.ts';
import { rulesInForce } from '../../src/policy/enforcement.ts';
import { baseData } from '../../src/policy/evaluation.ts';
import { freePort } from '../lab/cluster.ts';
import { artifacts } from '../lab/lab.ts';
import { pushImage } from '../lab/pushed-images.ts';
import { certificates, startReferrersRegistry } from '../lab/registry-server.ts';
import { generate, type Load, type LoadFigures } from './load.ts';
import { opaPeer } from './opa-peer.ts';
import { promise } from './promises.ts';

/**
 * Proves how many reviews the webhook answers, against `opa run --server`: the same review over TLS, facts cached, turn
 * by turn. OPA has the same policies, and the facts of the images as data.
 *
 * Then what happens to images that nobody has seen: 500 at once, and 200 reviews of one.
 *
 * `SOAK_SECONDS=600 npm run bench -- admission` adds a load of 70 % for so long, with memory watched.
 */
const soakSeconds = Number(process.env.SOAK_SECONDS ?? 0);
const turns = 3;
/** Milliseconds of one turn. */
const turnTime = 4_000;
const connections = 16;

const lab = await artifacts(['registry/referrers', 'go/host', 'go/plugin']);
if (!lab.available) {
  process.stderr.write(`${lab.reason}\n`);
  process.exit(2);
}
const { path } = lab;
const directory = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
const tls = await certificates();
const [certificateFile, keyFile, authorityFile] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) => join(directory, name));
writeFileSync(certificateFile ?? '', tls.certificate);
writeFileSync(keyFile ?? '', tls.key);
writeFileSync(authorityFile ?? '', tls.ca);

const agent = new Agent({ keepAlive: true, maxSockets: 600, ca: tls.ca });

const registry = await startReferrersRegistry(path['registry/referrers']);
const proxy = await countingProxy(registry.host);
const root = {
  'lib64/ld-linux-x86-64.so.2': '/lib64/ld-linux-x86-64.so.2',
  'lib/x86_64-linux-gnu/libc.so.6': '/lib/x86_64-linux-gnu/libc.so.6',
};
const digests = {
  gateway: await pushImage(registry.host, 'shop/gateway', '1', { 'usr/bin/gateway': path['go/host'], ...root }),
  audit: await pushImage(registry.host, 'shop/audit', '1', { 'audit.so': path['go/plugin'] }),
};
const images = {
  gateway: `${proxy.host}/shop/gateway@${digests.gateway}`,
  audit: `${proxy.host}/shop/audit@${digests.audit}`,
};

const configurationFile = join(directory, 'elfgate.yaml');
const strict = { apiVersion: 'elfgate.dev/v1', kind: 'Config', admission: { failure: 'closed' } };
writeFileSync(
  configurationFile,
  JSON.stringify({
    ...strict,
    rules: Object.fromEntries(
      ['workload/no-privilege-escalation', 'workload/plugin-directory', 'workload/user-namespace'].map((rule) => [
        rule,
        { enforce: 'deny' },
      ]),
    ),
  }),
);

const reviewFile = join(directory, 'review.json');
writeFileSync(reviewFile, JSON.stringify(review(images.gateway, images.audit)));
const opaFile = join(directory, 'input.json');
writeFileSync(opaFile, JSON.stringify({ input: review(images.gateway, images.audit) }));

const webhook = await serve();
const opa = await startOpa();

const loadOf = (port: number, where: string, bodyFile: string, expected: string): Load => ({
  port,
  path: where,
  authorityFile: authorityFile ?? '',
  bodyFile,
  connections,
  milliseconds: turnTime,
  perSecond: null,
  expected,
});
const servers = {
  elfgate: loadOf(webhook.port, '/validate?timeout=10s', reviewFile, '"allowed":true'),
  opa: loadOf(opa.port, '/v1/data/admission/answer', opaFile, '"allowed":true'),
};
type Name = keyof typeof servers;
const names = Object.keys(servers) as readonly Name[];
const throughput: Record<Name, LoadFigures[]> = { elfgate: [], opa: [] };
for (let turn = -1; turn < turns; turn++) {
  for (const name of names) {
    const figures = await generate(servers[name]);
    if (figures.wrong > 0) {
      throw new Error(`${name} answers something else: ${figures.firstWrong}`);
    }
    // The first turn fills caches and compiles.
    if (turn >= 0) {
      throughput[name].push(figures);
    }
  }
}
const most = (name: Name): number => Math.max(...throughput[name].map(({ perSecond }) => perSecond));
const size = Buffer.byteLength(JSON.stringify(review(images.gateway, images.audit)));
promise(
  `reviews of ${(size / 1000).toFixed(1)} KB over TLS against opa run --server`,
  `${most('elfgate').toFixed(0)} against ${most('opa').toFixed(0)} a second: ${(most('elfgate') / most('opa')).toFixed(1)} ×`,
  'at least 2.5 ×',
  most('elfgate') >= 2.5 * most('opa'),
);
// Under a load that both bear: seven tenths of what the peer can do.
const bearable = most('opa') * 0.7;
const p99: Record<Name, number[]> = { elfgate: [], opa: [] };
for (let turn = 0; turn < turns; turn++) {
  for (const name of names) {
    p99[name].push((await generate({ ...servers[name], perSecond: bearable })).p99);
  }
}
const [ours, theirs] = [Math.min(...p99.elfgate), Math.min(...p99.opa)];
promise(
  `slowest of a hundred at ${bearable.toFixed(0)} reviews a second`,
  `${ours.toFixed(2)} ms against ${theirs.toFixed(2)} ms: ${(ours / theirs).toFixed(2)} ×`,
  'at most 0.25 ×',
  ours <= theirs / 4,
);
await opa.stop();

await coldImages();
await burst();
if (soakSeconds > 0) {
  await soak();
}
await webhook.stop();
proxy.server.close();
await registry.stop();

/** 500 images that nobody has seen, at once. */
async function coldImages(): Promise<void> {
  const count = 500;
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const digest = await pushImage(registry.host, `cold/image-${index}`, '1', {
      README: Buffer.from(`image ${index}`),
    });
    names.push(`${proxy.host}/cold/image-${index}@${digest}`);
  }
  proxy.fetched.clear();
  const cold = await serve();
  const deadline = 10_000;
  const first = await Promise.all(names.map((name) => ask(cold, review(name, null), deadline)));
  const latest = Math.max(...first.map(({ milliseconds }) => milliseconds));
  promise(
    '500 images at once that nobody has seen',
    `${first.filter(({ allowed }) => allowed).length} judged; the last answer after ${(latest / 1_000).toFixed(1)} s`,
    'every answer within 10 s',
    latest < deadline,
  );
  // Those that were told to come again find the facts.
  let open = names.filter((_, index) => first[index]?.allowed !== true);
  for (const end = Date.now() + 120_000; open.length > 0 && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const again = await Promise.all(open.map((name) => ask(cold, review(name, null), deadline)));
    open = open.filter((_, index) => again[index]?.allowed !== true);
  }
  const layers = [...proxy.fetched].filter(([address]) => address.includes('/cold/') && address.includes('/blobs/'));
  const repeated = layers.filter(([, times]) => times > 1).length;
  promise(
    'how often each blob of them was fetched',
    `${layers.length} blobs, ${repeated} more than once, ${open.length} images never judged`,
    '1,000 blobs, each once',
    layers.length === 2 * count && repeated === 0 && open.length === 0,
  );
  await cold.stop();
}

/** 200 reviews of one image that nobody has seen. */
async function burst(): Promise<void> {
  const digest = await pushImage(registry.host, 'burst/gateway', '1', { 'usr/bin/gateway': path['go/host'], ...root });
  proxy.fetched.clear();
  const cold = await serve();
  const name = `${proxy.host}/burst/gateway@${digest}`;
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(cold, review(name, null), 10_000)));
  const fetches = [...proxy.fetched].filter(([address]) => address.includes('/burst/')).map(([, times]) => times);
  promise(
    '200 reviews at once of an image that nobody has seen',
    `${answers.filter(({ allowed }) => allowed).length} admitted, ${Math.max(...fetches)} fetch of each of its parts`,
    'one fetch',
    answers.every(({ allowed }) => allowed) && fetches.length >= 3 && fetches.every((times) => times === 1),
  );
  await cold.stop();
}

/** Seven tenths of the most, for long. */
async function soak(): Promise<void> {
  const perSecond = most('elfgate') * 0.7;
  const samples: { readonly at: number; readonly bytes: number }[] = [];
  const start = Date.now();
  const watch = setInterval(async () => {
    samples.push({ at: Date.now() - start, bytes: await residentBytes(webhook) });
  }, 5_000);
  const figures = await generate({ ...servers.elfgate, perSecond, milliseconds: soakSeconds * 1_000 });
  clearInterval(watch);
  promise(
    `${soakSeconds} s at ${perSecond.toFixed(0)} reviews a second`,
    `${figures.answered} answered, ${figures.wrong} wrong, p99 ${figures.p99.toFixed(1)} ms`,
    'none wrong',
    figures.wrong === 0,
  );
  const settled = samples.filter(({ at }) => at > 60_000).map(({ bytes }) => bytes);
  if (settled.length >= 4) {
    // Garbage comes and goes: halves are compared and not moments.
    const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
    const [early, late] = [settled.slice(0, settled.length >> 1), settled.slice(settled.length >> 1)].map(median);
    const change = ((late ?? 0) / (early ?? 1) - 1) * 100;
    promise(
      'memory after the first minute',
      `${((early ?? 0) / 1e6).toFixed(0)} MB, then ${((late ?? 0) / 1e6).toFixed(0)} MB: ${change.toFixed(1)} %`,
      'within 5 %',
      Math.abs(change) <= 5,
    );
  }
}

async function serve(): Promise<Peer> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      ...[join(import.meta.dirname, '..', '..', 'cli', 'main.ts'), 'serve', '--listen', `127.0.0.1:${port}`],
      ...['--config', configurationFile, '--tls-cert', certificateFile ?? '', '--tls-key', keyFile ?? ''],
      // The peers write no records of their decisions either.
      ...['--log-level', 'warn', '--drain-delay', '0'],
    ],
    // Facts on disk would be known already.
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, XDG_CACHE_HOME: cacheWithPolicies() } },
  );
  killedWithThis(child);
  await accepting(port);
  for (const end = Date.now() + 60_000; !(await get(port, '/readyz')).startsWith('ok'); ) {
    if (Date.now() > end) {
      throw new Error('elfgate serve does not become ready');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { port, stop: () => ended(child) };
}

/** The user's cache without its facts: compiling the policies is not what is measured here. */
function cacheWithPolicies(): string {
  const cache = mkdtempSync(join(tmpdir(), 'elfgate-bench-cache-'));
  cpSync(cacheDirectory(process.env), join(cache, 'elfgate'), {
    recursive: true,
    filter: (source) => !/\/elfgate\/(?:lab|facts|bench)(?:\/|$)/.test(source),
  });
  return cache;
}

/** A pod as people write them, with what surrounds it in a review. */
function review(image: string, plugin: string | null): object {
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'gateway-7d4b9c6f5-x2x7k',
      namespace: 'shop',
      labels: { app: 'gateway', 'pod-template-hash': '7d4b9c6f5' },
      annotations: Object.fromEntries(
        Array.from({ length: 30 }, (_, index) => [`example.com/setting-${index}`, `value ${index} `.repeat(8)]),
      ),
    },
    spec: {
      hostUsers: false,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'gateway',
          image,
          env: Array.from({ length: 24 }, (_, index) => ({ name: `SETTING_${index}`, value: `value ${index}` })),
          securityContext: { allowPrivilegeEscalation: false },
          resources: { limits: { memory: '1Gi' }, requests: { cpu: '500m', memory: '512Mi' } },
          volumeMounts: plugin === null ? [] : [{ name: 'plugins', mountPath: '/plugins', readOnly: true }],
        },
      ],
      volumes: plugin === null ? [] : [{ name: 'plugins', image: { reference: plugin, pullPolicy: 'IfNotPresent' } }],
    },
  };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      namespace: 'shop',
      name: 'gateway-7d4b9c6f5-x2x7k',
      userInfo: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        groups: ['system:authenticated'],
      },
      object,
      oldObject: null,
      dryRun: false,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
    },
  };
}

interface Answer {
  readonly allowed: boolean;
  readonly milliseconds: number;
}

function ask({ port }: Peer, asked: object, timeout: number): Promise<Answer> {
  const body = JSON.stringify(asked);
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const sending = secureRequest(
      { host: '127.0.0.1', port, agent, method: 'POST', path: `/validate?timeout=${timeout / 1_000}s` },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const answer = JSON.parse(Buffer.concat(chunks).toString());
          resolve({ allowed: answer.response?.allowed === true, milliseconds: performance.now() - start });
        });
      },
    );
    sending.on('error', reject);
    sending.end(body);
  });
}

async function residentBytes({ port }: Peer): Promise<number> {
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(await get(port, '/metrics'))?.[1] ?? 0);
}

function get(port: number, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = secureRequest({ host: '127.0.0.1', port, agent, path: where }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    sending.on('error', reject);
    sending.end();
  });
}

/** Stands in front of the registry and counts what is fetched. */
async function countingProxy(
  host: string,
): Promise<{ readonly host: string; readonly fetched: Map<string, number>; readonly server: Server }> {
  const fetched = new Map<string, number>();
  const [name = '', port = ''] = host.split(':');
  const server = createServer((asked, answer) => {
    const address = asked.url ?? '';
    if (asked.method === 'GET') {
      fetched.set(address, (fetched.get(address) ?? 0) + 1);
    }
    const passed = request(
      { host: name, port, method: asked.method, path: address, headers: asked.headers },
      (given) => {
        answer.writeHead(given.statusCode ?? 502, given.headers);
        given.pipe(answer);
      },
    );
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, fetched, server };
}

interface Peer {
  readonly port: number;
  stop(): Promise<void>;
}

/** OPA with the policies of this checkout, which judge the facts of the images that a review names. */
async function startOpa(): Promise<Peer> {
  const policies = join(import.meta.dirname, '..', '..', 'policies');
  const bundle = await compilePolicies([policies], {
    cacheDirectory: cacheDirectory(process.env),
    environment: process.env,
  });
  const inForce = rulesInForce(defaultConfiguration, bundle.rules);
  const home = mkdtempSync(join(tmpdir(), 'elfgate-bench-opa-'));
  cpSync(policies, join(home, 'policies'), {
    recursive: true,
    filter: (source) => !source.endsWith('_test.rego'),
  });
  writeFileSync(join(home, 'data.json'), JSON.stringify(baseData(bundle, inForce)));
  const [host, plugin] = await inspect(
    [
      { name: path['go/host'], role: 'host' },
      { name: path['go/plugin'], role: 'plugin' },
    ],
    { symbols: 'counted' },
  );
  writeFileSync(
    join(home, 'facts.json'),
    JSON.stringify({ facts: { [images.gateway]: host, [images.audit]: plugin } }),
  );
  writeFileSync(
    join(home, 'admission.rego'),
    `package admission

pod := input.request.object.spec

images contains container.image if some container in pod.containers

images contains volume.image.reference if some volume in pod.volumes

findings contains finding if {
	some name in images
	facts := data.facts[name]
	verdict := data.elfgate.verdict with input as facts
	some finding in verdict.findings
	finding.severity == "error"
}

findings contains "escalation" if {
	some container in pod.containers
	container.securityContext.allowPrivilegeEscalation != false
}

findings contains "user namespace" if pod.hostUsers != false

findings contains "plugin directory" if {
	some container in pod.containers
	some mount in container.volumeMounts
	contains(mount.mountPath, "plugin")
	not mount.readOnly
}

answer := {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": {"uid": input.request.uid, "allowed": count(findings) == 0}}
`,
  );
  const port = await freePort();
  const child = spawn(
    opaPeer(),
    [
      ...['run', '--server', '--log-level', 'error', '--skip-version-check', '--addr', `127.0.0.1:${port}`],
      ...['--tls-cert-file', certificateFile ?? '', '--tls-private-key-file', keyFile ?? '', home],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  killedWithThis(child);
  await accepting(port);
  return { port, stop: () => ended(child) };
}

async function accepting(port: number): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isOpen) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on ${port}`);
}

/** A bench that fails must not leave servers behind. */
function killedWithThis(child: ChildProcess): void {
  process.once('exit', () => child.kill('SIGKILL'));
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill();
  });
}
