import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.js';
import { compilePolicies } from '../../src/policy/compile-policies.ts';
import { loadConfiguration } from '../../src/policy/configuration/configuration.ts';
import { rulesInForce } from '../../src/policy/enforcement.ts';
import { baseData } from '../../src/policy/evaluation.ts';
import { freePort, startCluster } from '../lab/cluster.ts';
import { startGatekeeper } from '../lab/gatekeeper.ts';
import { artifacts } from '../lab/lab.ts';
import type { AdmissionSetting } from './admission-setting.ts';
import { opaPeer } from './opa-peer.ts';
import { ownCache } from './own-cache.ts';

/** A server that answers reviews over TLS. */
export interface AdmissionServer {
  readonly port: number;
  /** Where reviews are sent. */
  readonly path: string;
  readonly authorityFile: string;
  /** Its process. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** `elfgate serve`, ready to judge. Its facts are in an empty cache. */
export async function startElfgate({ tls, authority, configurationFile }: AdmissionSetting): Promise<AdmissionServer> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      ...[join(import.meta.dirname, '..', '..', 'cli', 'main.ts'), 'serve', '--listen', `127.0.0.1:${port}`],
      ...['--config', configurationFile, '--tls-cert', tls.certificateFile, '--tls-key', tls.keyFile],
      // The peers write no records of their decisions either.
      ...['--log-level', 'warn', '--drain-delay', '0'],
    ],
    // Facts on disk would be known already; compiling the policies is not what is measured here.
    { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, XDG_CACHE_HOME: ownCache(['facts']) } },
  );
  killedWithThis(child);
  await accepting(port);
  for (const end = Date.now() + 60_000; !(await readyAnswer(port, authority)).startsWith('ok'); ) {
    if (Date.now() > end) {
      throw new Error('elfgate serve does not become ready');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    port,
    path: '/validate?timeout=10s',
    authorityFile: tls.authorityFile,
    pid: child.pid ?? 0,
    stop: () => ended(child),
  };
}

const policies = join(import.meta.dirname, '..', '..', 'policies');

interface BaseData {
  readonly elfgate: { readonly parameters: Readonly<Record<string, Readonly<Record<string, object>>>> };
}

/** Parameters of the rules that elfgate has on in the setting. */
async function baseDataInForce({ configurationFile }: AdmissionSetting): Promise<BaseData> {
  const bundle = await compilePolicies([policies], {
    cacheDirectory: cacheDirectory(process.env),
    environment: process.env,
  });
  const configuration = await loadConfiguration(configurationFile, bundle.rules);
  return baseData(bundle, rulesInForce(configuration, bundle.rules)) as BaseData;
}

/**
 * What the peers find in a pod: all rules by the facts of its images, and the rules about pods by the object itself. They
 * are asked for less than elfgate, which judges the object by all rules as well.
 */
const findingsOfPod = (root: string, review: string): string => `
import ${root}.elfgate
import ${root}.found

pod := ${review}.object.spec

mounted contains volume.image.reference if some volume in pod.volumes

sets contains concat(" ", [container.image, image]) if {
	some container in pod.containers
	some image in mounted
}

findings contains finding if {
	some name in sets
	some facts in found.facts[name]
	verdict := elfgate.verdict with input as facts
	some broken in verdict.findings
	some finding in broken
	object.get(finding, "severity", "error") == "error"
}

findings contains "nothing is known about the images" if {
	some name in sets
	not found.facts[name]
}

findings contains "escalation" if {
	some container in pod.containers
	object.get(container, ["securityContext", "allowPrivilegeEscalation"], true)
}

findings contains "user namespace" if object.get(pod, "hostUsers", true)

findings contains "plugin directory" if {
	some container in pod.containers
	some mount in container.volumeMounts
	contains(mount.mountPath, "plugin")
	not mount.readOnly
}
`;

/** OPA with the policies of this checkout; parameters and facts are its base data. */
export async function startOpa(setting: AdmissionSetting): Promise<AdmissionServer> {
  const { tls } = setting;
  const home = mkdtempSync(join(tmpdir(), 'elfgate-bench-opa-'));
  cpSync(policies, join(home, 'policies'), {
    recursive: true,
    filter: (source) => !source.endsWith('_test.rego'),
  });
  writeFileSync(join(home, 'data.json'), JSON.stringify(await baseDataInForce(setting)));
  writeFileSync(join(home, 'facts.json'), JSON.stringify({ found: { facts: await setting.facts() } }));
  writeFileSync(
    join(home, 'admission.rego'),
    `package admission
${findingsOfPod('data', 'input.request')}
answer := {
	"apiVersion": "admission.k8s.io/v1",
	"kind": "AdmissionReview",
	"response": {"uid": input.request.uid, "allowed": count(findings) == 0},
}
`,
  );
  const port = await freePort();
  const child = spawn(
    opaPeer(),
    [
      ...['run', '--server', '--log-level', 'error', '--skip-version-check', '--addr', `127.0.0.1:${port}`],
      ...['--tls-cert-file', tls.certificateFile, '--tls-private-key-file', tls.keyFile, home],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  killedWithThis(child);
  await accepting(port);
  return {
    port,
    // The API that takes a review as it comes, for webhooks.
    path: '/v0/data/admission/answer',
    authorityFile: tls.authorityFile,
    pid: child.pid ?? 0,
    stop: () => ended(child),
  };
}

/**
 * Gatekeeper in front of an API server, with one constraint of one template. Its engine reads no base data: policies,
 * parameters and facts are libraries of the template, the latter two as constants.
 *
 * @returns why there is none, where the lab cannot build its parts.
 */
export async function startGatekeeperServer(setting: AdmissionSetting): Promise<AdmissionServer | string> {
  const lab = await artifacts(['cluster/etcd', 'cluster/kube-apiserver', 'cluster/kubectl', 'cluster/gatekeeper']);
  if (!lab.available) {
    return lab.reason;
  }
  const { path } = lab;
  const cluster = await startCluster({
    etcd: path['cluster/etcd'],
    apiServer: path['cluster/kube-apiserver'],
    kubectl: path['cluster/kubectl'],
  });
  const gatekeeper = await startGatekeeper(path['cluster/gatekeeper'], cluster);
  const create = async (manifest: object): Promise<void> => {
    for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 500))) {
      const { exitCode, stderr } = await cluster.kubectl(['create'], manifest);
      if (exitCode === 0) {
        return;
      }
      // The kind of a constraint appears some time after its template.
      if (Date.now() > end) {
        throw new Error(`${stderr}${readFileSync(gatekeeper.log, 'utf8').slice(-3_000)}`);
      }
    }
  };
  await create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  const parameters = (await baseDataInForce(setting)).elfgate.parameters;
  // Its compiler knows what constants hold, and refuses rules that read parameters of which there are none.
  const isOn = (file: string): boolean => {
    const [family = '', name = '', ...more] = file.split('/');
    return more.length === 0 || parameters[family]?.[name] !== undefined;
  };
  const libraries = globSync('**/*.rego', { cwd: policies, exclude: (name) => name.endsWith('_test.rego') })
    .filter(isOn)
    .map((file) =>
      readFileSync(join(policies, file), 'utf8')
        .replaceAll(/^import data\.elfgate/gm, 'import data.lib.elfgate')
        // It finds libraries by what is imported, and not in every expression.
        .replaceAll('data.elfgate.', 'everything.')
        .replace(/^package elfgate(.*)$/m, 'package lib.elfgate$1\n\nimport data.lib.elfgate as everything'),
    );
  await create({
    apiVersion: 'templates.gatekeeper.sh/v1',
    kind: 'ConstraintTemplate',
    metadata: { name: 'elfgaterules' },
    spec: {
      crd: { spec: { names: { kind: 'ElfgateRules' } } },
      targets: [
        {
          target: 'admission.k8s.gatekeeper.sh',
          code: [
            {
              engine: 'Rego',
              source: {
                version: 'v1',
                rego: `package elfgaterules
${findingsOfPod('data.lib', 'input.review')}
violation contains {"msg": sprintf("%v", [finding])} if some finding in findings
`,
                libs: [
                  ...libraries,
                  `package lib.elfgate\n\nparameters := ${JSON.stringify(parameters)}\n`,
                  `package lib.found\n\nfacts := ${JSON.stringify(await setting.facts())}\n`,
                ],
              },
            },
          ],
        },
      ],
    },
  });
  await create({
    apiVersion: 'constraints.gatekeeper.sh/v1beta1',
    kind: 'ElfgateRules',
    metadata: { name: 'all' },
    spec: { match: { kinds: [{ apiGroups: [''], kinds: ['Pod'] }] } },
  });
  const authorityFile = join(setting.directory, 'gatekeeper-ca.crt');
  writeFileSync(authorityFile, gatekeeper.ca);
  const { port, pathname } = new URL(gatekeeper.url);
  return {
    port: Number(port),
    path: `${pathname}?timeout=10s`,
    authorityFile,
    pid: gatekeeper.pid,
    async stop() {
      await gatekeeper.stop();
      await cluster.stop();
    },
  };
}

function readyAnswer(port: number, authority: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = request({ host: '127.0.0.1', port, ca: authority, agent: false, path: '/readyz' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
    });
    sending.on('error', reject);
    sending.end();
  });
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
