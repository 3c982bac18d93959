/** A real API server with its etcd, on loopback, for as long as a test runs. Nothing schedules or runs its pods. */

import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './process.ts';

export interface ClusterPrograms {
  readonly etcd: string;
  readonly apiServer: string;
  readonly kubectl: string;
}

export interface Cluster {
  readonly url: string;
  readonly kubeconfig: string;
  /** Runs kubectl as the administrator; a manifest is given on standard input. */
  kubectl(args: readonly string[], manifest?: object | string): Promise<KubectlRun>;
  stop(): Promise<void>;
}

export interface KubectlRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const token = 'lab-administrator';

export async function startCluster(programs: ClusterPrograms): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-cluster-'));
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const etcd = server('etcd', directory, programs.etcd, [
    ...['--data-dir', join(directory, 'etcd')],
    ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
    ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
    ...['--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort}`],
    ...['--initial-cluster', `default=http://127.0.0.1:${peerPort}`],
    '--unsafe-no-fsync',
  ]);
  const tokens = join(directory, 'tokens.csv');
  writeFileSync(tokens, `${token},administrator,1,system:masters\nlab-developer,alice,2,developers\n`);
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const serviceAccountKey = join(directory, 'service-accounts.pem');
  writeFileSync(serviceAccountKey, privateKey);
  const api = server('kube-apiserver', directory, programs.apiServer, [
    `--etcd-servers=${etcdUrl}`,
    `--cert-dir=${join(directory, 'certificates')}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${apiPort}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--endpoint-reconciler-type=none',
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://lab.invalid',
    `--service-account-key-file=${serviceAccountKey}`,
    `--service-account-signing-key-file=${serviceAccountKey}`,
    // There is no controller that would make the service accounts which it waits for.
    '--disable-admission-plugins=ServiceAccount',
    `--audit-log-path=${join(directory, 'audit.log')}`,
    `--audit-policy-file=${auditPolicy(directory)}`,
  ]);
  const url = `https://127.0.0.1:${apiPort}`;
  const kubeconfig = join(directory, 'kubeconfig.json');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'lab', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
      users: [
        { name: 'administrator', user: { token } },
        { name: 'alice', user: { token: 'lab-developer' } },
      ],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'administrator' } }],
      'current-context': 'lab',
    }),
  );
  const kubectl = async (args: readonly string[], manifest?: object | string): Promise<KubectlRun> => {
    const input =
      manifest === undefined ? undefined : typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
    const file = join(directory, `manifest-${Math.random().toString(36).slice(2)}.json`);
    if (input !== undefined) {
      writeFileSync(file, input);
    }
    return runProgram(
      programs.kubectl,
      ['--kubeconfig', kubeconfig, ...args, ...(input === undefined ? [] : ['-f', file])],
      {
        environment: { HOME: directory, PATH: '/usr/bin:/bin' },
        timeout: 60_000,
      },
    );
  };
  const cluster: Cluster = {
    url,
    kubeconfig,
    kubectl,
    async stop() {
      await Promise.all([end(api), end(etcd)]);
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  await ready(async () => (await kubectl(['get', '--raw', '/readyz'])).stdout === 'ok', api, directory);
  await ready(async () => (await kubectl(['get', 'namespace', 'default'])).exitCode === 0, api, directory);
  return cluster;
}

/** Annotations of webhooks are only seen in audit records. */
function auditPolicy(directory: string): string {
  const file = join(directory, 'audit-policy.json');
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      rules: [{ level: 'Metadata', verbs: ['create', 'update'] }],
    }),
  );
  return file;
}

function server(name: string, directory: string, program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory });
  const log = createWriteStream(join(directory, `${name}.log`));
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  // A test that fails must not leave servers behind.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  return child;
}

async function ready(isReady: () => Promise<boolean>, api: ChildProcess, directory: string): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await isReady())) {
    if (Date.now() > end || api.exitCode !== null) {
      const log = readFileSync(join(directory, 'kube-apiserver.log'), 'utf8');
      throw new Error(`the API server does not become ready:\n${log.slice(-3_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once('close', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
  });
}

/** A port of loopback that nobody listens on now, for programs that take no 0. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
