import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { artifacts } from '../lab/lab.ts';
import { redisMissing, startRedis } from '../lab/redis-server.ts';
import { startReferrersRegistry } from '../lab/registry-server.ts';
import { startScan } from '../scan/run-scan.ts';
import { pushSmallImages } from '../scan/watched-registry.ts';
import { ownCache } from './own-cache.ts';
import { promise } from './promises.ts';

/**
 * A scan of 1,000 small images in a registry that answers after 40 ms, as near ones on a network do, and where its time
 * goes: the least that it can take is measured beside it, by the same requests with nothing done about the answers.
 */
const images = 1_000;
const delay = 40;
// Images at the same time in one process, as `elfgate scan` does by default.
const concurrency = 4;

interface Taken {
  /** Seconds from start to end. */
  readonly wall: number;
  /** Seconds that processors worked for it. */
  readonly processor: number;
}

const lab = await artifacts(['registry/referrers', 'c/hello']);
if (!lab.available || redisMissing !== null) {
  process.stderr.write(`not measured: ${lab.available ? redisMissing : lab.reason}\n`);
  process.exit(2);
}
const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const out = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
const registry = await startReferrersRegistry(lab.path['registry/referrers'], delay);
const redis = await startRedis();
const names = await pushImages(lab.path['c/hello']);
// What compiled policies are made of is there; the scans measured below only use it.
await taken(['policy', 'list'], process.env);

const requests = await asked();
const embedded = await scanned([]);
// The better of two turns each: something else that the machine does may hold up one of them.
const ofOne: number[] = [];
const ofTwo: number[] = [];
for (let turn = 0; turn < 2; turn++) {
  ofOne.push(await scannedByWorkers(1));
  ofTwo.push(await scannedByWorkers(2));
}
const one = Math.min(...ofOne);
const two = Math.min(...ofTwo);

const seconds = (value: number): string => value.toFixed(1);
process.stdout.write(
  `  the requests alone             ${seconds(requests)} s, each answered after ${delay} ms, ${concurrency} images at once\n` +
    `  the scan                       ${seconds(embedded.wall)} s, of which processors worked ${seconds(embedded.processor)} s: ${((embedded.processor * 1000) / images).toFixed(1)} ms an image\n` +
    `  one worker, two workers        ${seconds(one)} s, ${seconds(two)} s\n`,
);
promise(
  `scan ${images} small images`,
  `${seconds(embedded.wall)} s against ${seconds(requests)} s: ${(embedded.wall / requests).toFixed(2)} ×`,
  'below 1.35 × its requests alone, start-up included',
  embedded.wall < 1.35 * requests,
);
promise(
  'processors while it scans',
  `${Math.round((100 * embedded.processor) / embedded.wall)} % of one`,
  'below 60 %: the network is the bottleneck',
  embedded.processor < 0.6 * embedded.wall,
);
promise(
  'two workers against one',
  `${seconds(two)} s against ${seconds(one)} s: ${(one / two).toFixed(2)} ×`,
  'at least 1.7 × as fast',
  one >= 1.7 * two,
);
await redis.stop();
await registry.stop();
rmSync(out, { recursive: true, force: true });

/** Pushes the images, and gives `REPOSITORY/manifests/TAG` of each. */
async function pushImages(program: string): Promise<readonly string[]> {
  const start = Date.now();
  const all = Array.from({ length: images }, (_, index) => ({
    repository: `team-${Math.floor(index / 50)}`,
    tag: String(index),
    program,
    number: start + index,
  }));
  for (let pushed = 0; pushed < images; pushed += 50) {
    await pushSmallImages(registry.host, all.slice(pushed, pushed + 50));
  }
  return all.map(({ repository, tag }) => `${repository}/manifests/${tag}`);
}

/** Seconds that the requests of a scan take: as many at once, and those of an image after each other. */
async function asked(): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const fetched = (path: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      get(`http://${registry.host}/v2/${path}`, { agent }, (answer) => resolve(buffer(answer))).on('error', reject);
    });
  const start = performance.now();
  const waiting: { repository: string; digests: readonly string[] }[] = [];
  const toFind = [...names];
  const finding = Array.from({ length: concurrency }, async () => {
    for (let name = toFind.shift(); name !== undefined; name = toFind.shift()) {
      const { config, layers } = JSON.parse((await fetched(name)).toString());
      waiting.push({ repository: name.split('/')[0] ?? '', digests: [config.digest, layers[0].digest] });
    }
  });
  let left = images;
  const reading = Array.from({ length: concurrency }, async () => {
    while (left > 0) {
      const next = waiting.shift();
      if (next === undefined) {
        await sleep(1);
        continue;
      }
      left -= 1;
      for (const digest of next.digests) {
        await fetched(`${next.repository}/blobs/${digest}`);
      }
    }
  });
  await Promise.all([...finding, ...reading]);
  agent.destroy();
  return (performance.now() - start) / 1000;
}

/** A scan in one process, of a registry that it knows nothing of. */
async function scanned(args: readonly string[]): Promise<Taken> {
  const place = ownCache(['facts', 'scan.sqlite'], out);
  const output = join(place, 'out.jsonl');
  const options = ['-o', 'jsonl', '--output-file', output, '--fail-on', 'never', '--quiet'];
  const figures = await taken(['scan', registry.host, ...options, ...args], environmentOf(place));
  const lines = readFileSync(output, 'utf8').trim().split('\n').length;
  if (lines !== images) {
    throw new Error(`${lines} images of ${images} were scanned`);
  }
  return figures;
}

/** Seconds until workers have scanned all, which wait for images when the clock starts. */
async function scannedByWorkers(count: number): Promise<number> {
  const workers = Array.from({ length: count }, () =>
    startScan(
      ['--worker', '--queue', redis.url, '--concurrency', String(concurrency)],
      '',
      environmentOf(ownCache(['facts', 'scan.sqlite'], out)),
    ),
  );
  await Promise.all(workers.map((worker) => worker.says('waiting for images')));
  await redis.forgetJobs();
  const { wall } = await scanned(['--queue', redis.url]);
  for (const worker of workers) {
    worker.process.kill('SIGTERM');
    await worker.ended;
  }
  return wall;
}

async function taken(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Taken> {
  const start = performance.now();
  const child = spawn(process.execPath, [main, ...args], { cwd: out, env, stdio: ['ignore', 'ignore', 'inherit'] });
  let processor = 0;
  const watch = setInterval(() => {
    try {
      // proc(5): user and system time are the 14th and 15th field, in hundredths of a second.
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      processor = (Number(fields[11]) + Number(fields[12])) / 100;
    } catch {
      // Gone between two looks.
    }
  }, 20);
  const exitCode = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watch);
  if (exitCode !== 0) {
    throw new Error(`elfgate ${args.join(' ')}: exit ${exitCode}`);
  }
  return { wall: (performance.now() - start) / 1000, processor };
}

function environmentOf(place: string): Record<string, string> {
  return { ...(process.env as Record<string, string>), XDG_CACHE_HOME: place };
}
