import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InspectedImage } from '../../src/admission/image-facts.ts';
import { registryInspector } from '../../src/admission/registry-inspector.ts';
import { documentsOfPod } from '../../src/admission/workload-documents.ts';
import type { FactsDocument } from '../../src/facts/schema.ts';
import { parseReference } from '../../src/image/reference.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { podSpecOf } from '../../src/workload/pod-spec.ts';
import { artifacts } from '../lab/lab.ts';
import { type ImageContent, pushImage } from '../lab/pushed-images.ts';
import { certificates, type RunningRegistry, startReferrersRegistry } from '../lab/registry-server.ts';

/** What all servers are asked about, and with which certificate they answer. */
export interface AdmissionSetting {
  readonly directory: string;
  /** Of every server. */
  readonly tls: { readonly certificateFile: string; readonly keyFile: string; readonly authorityFile: string };
  readonly authority: string;
  readonly registry: RunningRegistry;
  /** Stands in front of the registry and counts what is fetched. */
  readonly proxy: { readonly host: string; readonly fetched: Map<string, number>; readonly server: Server };
  /** As a pod names them: a Go program that opens plugins, an image that brings it one, and one that would kill it. */
  readonly images: { readonly gateway: string; readonly audit: string; readonly broken: string };
  /** Files of an image like `gateway`. */
  readonly gatewayFiles: ImageContent;
  /** What the webhook finds in the images of the two pods, by `HOST PLUGIN`, for servers that cannot look into images. */
  facts(): Promise<Readonly<Record<string, readonly FactsDocument[]>>>;
  /** `elfgate.yaml` with every rule denying that is on, the same for all. */
  readonly configurationFile: string;
  stop(): Promise<void>;
}

/** The rules about pods that every server judges by. */
export const workloadRules = [
  'workload/no-privilege-escalation',
  'workload/plugin-directory',
  'workload/user-namespace',
] as const;

/** @returns why there is none, where the lab cannot build its parts. */
export async function admissionSetting(): Promise<AdmissionSetting | string> {
  const lab = await artifacts(['registry/referrers', 'go/host', 'go/plugin', 'go/plugin@1.25']);
  if (!lab.available) {
    return lab.reason;
  }
  const { path } = lab;
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
  const { certificate, key, ca } = await certificates();
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const registry = await startReferrersRegistry(path['registry/referrers']);
  const proxy = await countingProxy(registry.host);
  const gatewayFiles = {
    'usr/bin/gateway': path['go/host'],
    'lib64/ld-linux-x86-64.so.2': '/lib64/ld-linux-x86-64.so.2',
    'lib/x86_64-linux-gnu/libc.so.6': '/lib/x86_64-linux-gnu/libc.so.6',
  };
  const digests = {
    gateway: await pushImage(registry.host, 'shop/gateway', '1', gatewayFiles),
    audit: await pushImage(registry.host, 'shop/audit', '1', { 'audit.so': path['go/plugin'] }),
    broken: await pushImage(registry.host, 'shop/broken', '1', { 'audit.so': path['go/plugin@1.25'] }),
  };
  const images = {
    gateway: `${proxy.host}/shop/gateway@${digests.gateway}`,
    audit: `${proxy.host}/shop/audit@${digests.audit}`,
    broken: `${proxy.host}/shop/broken@${digests.broken}`,
  };
  return {
    directory,
    tls: {
      certificateFile: file('tls.crt', certificate),
      keyFile: file('tls.key', key),
      authorityFile: file('ca.crt', ca),
    },
    authority: ca,
    registry,
    proxy,
    images,
    gatewayFiles,
    facts: () => factsOfPods(images),
    configurationFile: file(
      'elfgate.yaml',
      JSON.stringify({
        apiVersion: 'elfgate.dev/v1',
        kind: 'Config',
        admission: { failure: 'closed' },
        rules: Object.fromEntries(workloadRules.map((rule) => [rule, { enforce: 'deny' }])),
      }),
    ),
    async stop() {
      proxy.server.close();
      await registry.stop();
    },
  };
}

async function factsOfPods({
  gateway,
  audit,
  broken,
}: AdmissionSetting['images']): ReturnType<AdmissionSetting['facts']> {
  const client = registryClient({ registries: [], credentials: anonymous, environment: {} });
  const inspector = registryInspector({
    clientFor: () => client,
    temporaryDirectory: tmpdir(),
    store: null,
    trust: null,
  });
  const known = new Map<string, InspectedImage>();
  for (const name of [gateway, audit, broken]) {
    const reference = parseReference(name);
    const { digest } = reference;
    if (digest === null) {
      throw new Error(`${name} has no digest`);
    }
    known.set(name, await inspector.inspect({ ...reference, digest }, anonymous, new AbortController().signal));
  }
  const documents = (plugin: string): Promise<readonly FactsDocument[]> =>
    documentsOfPod(podSpecOf(reviewedPod(gateway, plugin).spec), known, null);
  return { [`${gateway} ${audit}`]: await documents(audit), [`${gateway} ${broken}`]: await documents(broken) };
}

async function countingProxy(host: string): Promise<AdmissionSetting['proxy']> {
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

/** A review of that pod. @param plugin an image whose files are mounted into the container; null for none. */
export function review(image: string, plugin: string | null): object {
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
      object: reviewedPod(image, plugin),
      oldObject: null,
      dryRun: false,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
    },
  };
}

/** A pod as people write them, with everything that the rules about pods ask for. */
function reviewedPod(image: string, plugin: string | null) {
  return {
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
}
