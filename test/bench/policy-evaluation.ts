import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.js';
import { inspect } from '../../src/facts/inspect.ts';
import { compilePolicies } from '../../src/policy/compile-policies.ts';
import { defaultConfiguration } from '../../src/policy/configuration/configuration.ts';
import { rulesInForce } from '../../src/policy/enforcement.ts';
import { baseData, loadPolicy } from '../../src/policy/evaluation.ts';
import { startEvaluatorPool } from '../../src/policy/evaluator-pool.ts';
import { artifacts } from '../lab/lab.ts';
import { opaPeer } from './opa-peer.ts';
import { inTurn } from './processes.ts';
import { comparison, promise } from './promises.ts';

/**
 * Proves the speed of judging facts against `opa run --server` with the same policies and the same input, over
 * loopback, turn by turn, and that of compiling and testing the built-in policies. The peer is built once from the Go
 * module that the opa program is made of, and kept in the user's cache.
 */
const root = join(import.meta.dirname, '..', '..');
const policies = join(root, 'policies');
const published = join(root, 'dist', 'cli', 'main.cjs');
const cache = cacheDirectory(process.env);
const options = { cacheDirectory: cache, environment: process.env };
/** Inputs on their way at a time: about what an API server has. */
const concurrency = 8;
const turns = 3;
/** Milliseconds of one turn. */
const turnTime = 3_000;

const bundle = await compilePolicies([policies], options);
const inForce = rulesInForce({ ...defaultConfiguration, ruleSet: 'strict' }, bundle.rules);
const facts = await typicalFacts();
const bytes = Buffer.byteLength(JSON.stringify(facts));

// Cold: what a short run pays between having the bundle's bytes and its first finding.
const cold: number[] = [];
for (let count = 0; count < 9; count++) {
  const start = performance.now();
  const policy = await loadPolicy(bundle, inForce);
  cold.push(performance.now() - start);
  policy.evaluate(facts);
}
const coldest = cold[0] ?? Number.POSITIVE_INFINITY;
promise('loading the bundle, the first time in a process', `${coldest.toFixed(0)} ms`, 'below 60 ms', coldest < 60);

const pool = await startEvaluatorPool(bundle, inForce, { threads: 1, timeLimit: 10_000 });
const server = await startServer();
const ours: Turn[] = [];
const theirs: Turn[] = [];
// Code that has run for a second is compiled as well as it will be.
await run(() => pool.evaluate(facts), 1_000);
await run(server.ask, 1_000);
for (let turn = 0; turn < turns; turn++) {
  ours.push(await run(() => pool.evaluate(facts), turnTime));
  theirs.push(await run(server.ask, turnTime));
}
await pool.close();
await server.stop();

const [our, their] = [best(ours), best(theirs)];
promise(
  `${inForce.size} rules over ${(bytes / 1000).toFixed(1)} KB of facts, one thread`,
  `${our.perSecond.toFixed(0)} a second`,
  'at least 6,000 a second',
  our.perSecond >= 6_000,
);
promise(
  'throughput against opa run --server',
  `${our.perSecond.toFixed(0)} against ${their.perSecond.toFixed(0)}: ${(our.perSecond / their.perSecond).toFixed(1)} ×`,
  'at least 5 ×',
  our.perSecond >= 5 * their.perSecond,
);
promise(
  'slowest of a hundred against opa run --server',
  `${our.p99.toFixed(2)} ms against ${their.p99.toFixed(2)} ms: ${(our.p99 / their.p99).toFixed(2)} ×`,
  'at most 0.25 ×',
  our.p99 <= their.p99 / 4,
);
const out = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
const builds: number[] = [];
for (let turn = 0; turn < turns; turn++) {
  // Policies that no cache knows.
  const sources = join(out, `policies-${turn}`);
  cpSync(policies, sources, { recursive: true });
  appendFileSync(join(sources, 'main.rego'), `\n# ${process.pid} ${turn}\n`);
  const start = performance.now();
  await compilePolicies([sources], options);
  builds.push(performance.now() - start);
}
const fastest = Math.min(...builds);
promise('compiling all rules', `${(fastest / 1000).toFixed(2)} s`, 'below 2 s', fastest < 2_000);

const checkout = join(root, 'cli', 'main.ts');
const build = ['policy', 'build', '--output-file', join(out, 'bundle.tar.gz')] as const;
const [started, rebuilt, tested, rebuiltByPackage] = await inTurn(
  [
    [process.execPath, '--eval', '0'],
    [process.execPath, checkout, ...build],
    [process.execPath, checkout, 'policy', 'test'],
    // A checkout runs TypeScript, which Node strips of its types first; the package is what people run.
    ...(existsSync(published) ? ([[process.execPath, published, ...build]] as const) : []),
  ],
  5,
);
for (const [name, measured] of [
  ['checkout', rebuilt],
  ['package', rebuiltByPackage],
] as const) {
  if (measured !== undefined && started !== undefined) {
    // A checkout strips types and loads one file after the other; users run the package.
    const promiseOf: typeof promise = name === 'checkout' && rebuiltByPackage !== undefined ? comparison : promise;
    promiseOf(
      `policy build when nothing changed, ${name}`,
      `${measured.best.toFixed(0)} ms, Node alone ${started.best.toFixed(0)} ms`,
      'below 100 ms',
      measured.best < 100,
    );
  }
}
if (tested !== undefined) {
  promise('policy test of all rules', `${(tested.best / 1000).toFixed(2)} s`, 'below 5 s', tested.best < 5_000);
}
rmSync(out, { recursive: true });

interface Turn {
  readonly perSecond: number;
  /** Milliseconds within which 99 of 100 are answered. */
  readonly p99: number;
}

async function run(ask: () => Promise<unknown>, milliseconds: number): Promise<Turn> {
  const latencies: number[] = [];
  const start = performance.now();
  const asker = async (): Promise<void> => {
    for (let now = start; now - start < milliseconds; ) {
      await ask();
      const done = performance.now();
      latencies.push(done - now);
      now = done;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, asker));
  const elapsed = performance.now() - start;
  latencies.sort((a, b) => a - b);
  return { perSecond: (latencies.length / elapsed) * 1000, p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0 };
}

/** Of a noisy machine the best turn is the one that was disturbed least. */
function best(list: readonly Turn[]): Turn {
  return {
    perSecond: Math.max(...list.map(({ perSecond }) => perSecond)),
    p99: Math.min(...list.map(({ p99 }) => p99)),
  };
}

/**
 * A facts document of about 10 KB: a plugin that its host cannot load, so that rules find something and say all of it.
 */
async function typicalFacts(): Promise<object> {
  const lab = await artifacts(['go/host', 'go/plugin@1.25']);
  if (!lab.available) {
    process.stderr.write(`${lab.reason}\n`);
    process.exit(2);
  }
  const documents = await inspect(
    [
      { name: lab.path['go/host'], role: 'host' },
      { name: lab.path['go/plugin@1.25'], role: 'plugin' },
    ],
    { symbols: 'counted' },
  );
  const plugin = documents.find(({ binaries }) => binaries.some(({ role }) => role === 'plugin'));
  if (plugin === undefined) {
    throw new Error('the plugin has no document');
  }
  return plugin;
}

async function startServer(): Promise<{ ask(): Promise<void>; stop(): Promise<void> }> {
  const program = opaPeer();
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
  cpSync(policies, join(directory, 'policies'), {
    recursive: true,
    filter: (source) => !source.endsWith('_test.rego'),
  });
  writeFileSync(join(directory, 'data.json'), JSON.stringify(baseData(bundle, inForce)));
  const port = await freePort();
  const child: ChildProcess = spawn(
    program,
    ['run', '--server', '--log-level', 'error', '--skip-version-check', '--addr', `127.0.0.1:${port}`, directory],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const body = JSON.stringify({ input: facts });
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const asked = request(
        {
          agent,
          port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/v1/data/elfgate/verdict',
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const { result } = JSON.parse(Buffer.concat(chunks).toString());
            if (typeof result?.findings === 'object') {
              resolve();
            } else {
              reject(new Error('the peer gave no verdict'));
            }
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  for (let tries = 0; tries < 200; tries++) {
    try {
      await ask();
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    ask,
    async stop() {
      agent.destroy();
      const gone = once(child, 'exit');
      child.kill();
      await gone;
      rmSync(directory, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const address = listening.address();
  listening.close();
  await once(listening, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
