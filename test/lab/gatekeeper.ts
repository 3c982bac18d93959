/** Gatekeeper as a process of its own, with its webhook on loopback, for a cluster of the lab. */

import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { type Cluster, freePort } from './cluster.ts';
import { runProgram } from './process.ts';
import { certificates } from './registry-server.ts';

export interface Gatekeeper {
  /** `https://127.0.0.1:PORT/v1/admit` */
  readonly url: string;
  /** Authority of its certificate, PEM. */
  readonly ca: string;
  readonly log: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const manifests = 'github.com/open-policy-agent/gatekeeper/v3';

/** Installs its custom resources, starts its webhook, and waits until it is ready. @param program its path. */
export async function startGatekeeper(program: string, cluster: Cluster): Promise<Gatekeeper> {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-gatekeeper-'));
  const tls = await certificates();
  writeFileSync(join(directory, 'tls.crt'), tls.certificate);
  writeFileSync(join(directory, 'tls.key'), tls.key);
  writeFileSync(join(directory, 'ca.crt'), tls.ca);
  const items = (await customResources()).filter(
    (one) => typeof one === 'object' && one !== null && 'kind' in one && one.kind === 'CustomResourceDefinition',
  );
  const created = await cluster.kubectl(['create'], { apiVersion: 'v1', kind: 'List', items });
  if (created.exitCode !== 0) {
    throw new Error(`Gatekeeper's custom resources: ${created.stderr}`);
  }
  await cluster.kubectl(['create', 'namespace', 'gatekeeper-system']);
  const [port, health, metrics] = [await freePort(), await freePort(), await freePort()];
  const log = join(directory, 'log');
  const child = spawn(
    program,
    [
      ...['--kubeconfig', cluster.kubeconfig, '--cert-dir', directory, '--disable-cert-rotation'],
      ...['--host', '127.0.0.1', '--port', String(port), '--health-addr', `127.0.0.1:${health}`],
      ...[
        '--prometheus-port',
        String(metrics),
        '--operation',
        'webhook',
        '--operation',
        'generate',
        '--debug-use-fake-pod',
      ],
      ...['--exempt-namespace', 'gatekeeper-system', '--log-level', 'WARNING'],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        POD_NAME: 'gatekeeper',
        POD_NAMESPACE: 'gatekeeper-system',
        NAMESPACE: 'gatekeeper-system',
      },
    },
  );
  const stream = createWriteStream(log);
  child.stdout.pipe(stream);
  child.stderr.pipe(stream);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      process.off('exit', kill);
      resolve();
    }),
  );
  const end = Date.now() + 120_000;
  while (!(await isReady(`http://127.0.0.1:${health}/readyz`))) {
    if (Date.now() > end || child.exitCode !== null) {
      child.kill('SIGKILL');
      throw new Error(`Gatekeeper does not become ready:\n${readFileSync(log, 'utf8').slice(-3_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return {
    url: `https://127.0.0.1:${port}/v1/admit`,
    ca: tls.ca,
    log,
    pid: child.pid ?? 0,
    async stop() {
      // It waits for ten seconds by default before it goes.
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The manifests that come with the very version which was built. */
async function customResources(): Promise<readonly unknown[]> {
  const { exitCode, stdout, stderr } = await runProgram('go', ['list', '-m', '-f', '{{.Dir}}', manifests], {
    directory: join(import.meta.dirname, 'sources', 'gatekeeper'),
    environment: Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? ''])),
    timeout: 300_000,
  });
  if (exitCode !== 0) {
    throw new Error(stderr);
  }
  return loadAll(readFileSync(join(stdout.trim(), 'deploy', 'gatekeeper.yaml'), 'utf8'));
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status === 200;
  } catch {
    return false;
  }
}
