import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { ScanLine } from '../../src/scan/scan.ts';
import { emptyDirectory } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { type RunningRedis, redisMissing, startRedis } from '../lab/redis-server.ts';
import { runScan, type ScanRun, startScan } from './run-scan.ts';
import { pushSmallImages, type WatchedRegistry, watchedRegistry } from './watched-registry.ts';

const lab = await artifacts(['registry/referrers', 'c/hello', 'c/hello-static']);
// Facts of images that another run, or another test, has read must not be known: each has layers of its own.
let nextNumber = Date.now();

interface Ground {
  readonly registry: WatchedRegistry;
  readonly redis: RunningRedis;
  /** Of a scan by the queue: with a state of its own. */
  readonly args: readonly string[];
  startWorker(...args: string[]): Promise<ScanRun>;
}

/** A registry with images `many:0`, `many:1`…, a Redis, and nobody who scans; null where a part is missing. */
async function ground(t: ExecutionContext, images: number): Promise<Ground | null> {
  if (!lab.available || redisMissing !== null) {
    t.log(lab.available ? redisMissing : lab.reason);
    t.pass();
    return null;
  }
  const registry = await watchedRegistry(lab.path['registry/referrers']);
  t.teardown(registry.stop);
  const redis = await startRedis();
  t.teardown(redis.stop);
  const program = lab.path['c/hello-static'];
  const start = nextNumber;
  nextNumber += images;
  const numbers = Array.from({ length: images }, (_, number) => number);
  await pushSmallImages(
    registry.host,
    numbers.map((number) => ({ repository: 'many', tag: String(number), program, number: start + number })),
  );
  registry.look();
  const queue = ['--queue', redis.url];
  return {
    registry,
    redis,
    args: [registry.host, '-o', 'jsonl', '--state', join(emptyDirectory(), 'state.sqlite'), ...queue],
    async startWorker(...args) {
      const worker = startScan(['--worker', ...queue, ...args]);
      t.teardown(() => worker.process.kill('SIGKILL'));
      await worker.says('waiting for images');
      return worker;
    },
  };
}

/** How often each job of the one queue has ended, as its events say. */
async function endings(url: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const redis = new Redis(url);
  try {
    const [stream = ''] = (await redis.keys('bull:*:events')).sort();
    const ended = new Map<string, string[]>();
    for (const [, fields] of await redis.xrange(stream, '-', '+')) {
      const event = fields[fields.indexOf('event') + 1] ?? '';
      const id = fields[fields.indexOf('jobId') + 1] ?? '';
      if (event === 'completed' || event === 'failed') {
        ended.set(id, [...(ended.get(id) ?? []), event]);
      }
    }
    return ended;
  } finally {
    redis.disconnect();
  }
}

const named = (lines: readonly ScanLine[]) => lines.map(({ image }) => image.replace(/^[^/]*\//, ''));
const blobs = (requests: readonly string[]) => requests.filter((line) => line.includes('/blobs/'));

test('two workers, one of them killed: each digest has one result, and nothing is lost', async (t) => {
  const place = await ground(t, 80);
  if (place === null) {
    return;
  }
  const { registry, redis, args, startWorker } = place;
  // However fast they are, each has something to do: blobs are answered by the score, and then only when both wait for some.
  let answerable = 40;
  const waiting: (() => void)[] = [];
  registry.meddle = async (request) => {
    if (request.url?.includes('/blobs/') === true) {
      while (answerable === 0) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
      answerable -= 1;
    }
    return false;
  };
  const bothWait = async (): Promise<void> => {
    while (waiting.length < 8) {
      await sleep(20);
    }
  };
  const goOn = (more: number): void => {
    answerable += more;
    for (const resolve of waiting.splice(0)) {
      resolve();
    }
  };
  const first = await startWorker('--lease', '2');
  const scanning = startScan(args);
  await first.says('scanned ');
  const second = await startWorker('--lease', '2');
  await bothWait();
  goOn(40);
  await second.says('scanned ');
  await bothWait();
  first.process.kill('SIGKILL');
  await first.ended;
  goOn(Number.POSITIVE_INFINITY);
  const { lines, exitCode, stderr } = await scanning.ended;
  t.is(exitCode, 0, stderr);
  t.deepEqual(named(lines).sort(), Array.from({ length: 80 }, (_, number) => `many:${number}`).sort());
  t.true(lines.every(({ error, digest }) => error === null && digest !== null));
  const ended = await endings(redis.url);
  t.is(ended.size, 80);
  t.true([...ended.values()].every((events) => events.length === 1 && events[0] === 'completed'));

  const scanned = async (worker: ScanRun) => (await worker.ended).stderr.match(/^scanned .*$/gm)?.length ?? 0;
  second.process.kill('SIGTERM');
  const [byFirst, bySecond] = await Promise.all([scanned(first), scanned(second)]);
  t.true(byFirst > 0 && bySecond > 0, 'both worked');
  t.true(byFirst + bySecond >= 80);
  t.is((await second.ended).exitCode, 0);

  registry.look();
  const again = await runScan(args);
  t.deepEqual(
    again.lines,
    lines.map((line) => ({ ...line, cached: true })),
  );
  const others = await runScan([...args, '--state', join(emptyDirectory(), 'other.sqlite')]);
  t.deepEqual(named(others.lines), named(lines), 'a scan that knows nothing finds the results in the queue');
  t.deepEqual(blobs(registry.look()), []);
});

test('a worker that is told to stop ends what it has begun, and the scan waits for another one', async (t) => {
  const place = await ground(t, 6);
  if (place === null) {
    return;
  }
  const { registry, redis, args, startWorker } = place;
  let held = 0;
  const stopping = Promise.withResolvers<void>();
  registry.meddle = async (request) => {
    if (request.url?.includes('/blobs/') === true) {
      held += 1;
      await stopping.promise;
    }
    return false;
  };
  const scanning = startScan(args);
  await scanning.says('no worker takes images');
  const worker = await startWorker('--concurrency', '2');
  while (held < 2) {
    await sleep(20);
  }
  worker.process.kill('SIGTERM');
  await worker.says('stopping');
  stopping.resolve();
  const stopped = await worker.ended;
  t.is(stopped.exitCode, 0, stopped.stderr);
  t.is(stopped.stderr.match(/^scanned /gm)?.length, 2, stopped.stderr);
  t.regex(stopped.stderr, /^stopping: waits for 2 images under way$/m);
  const other = await startWorker();
  const { lines, exitCode } = await scanning.ended;
  t.is(exitCode, 0);
  t.is(lines.length, 6);
  t.true([...(await endings(redis.url)).values()].every((events) => events.join() === 'completed'));
  other.process.kill('SIGTERM');
  t.is((await other.ended).stderr.match(/^scanned /gm)?.length, 4);
});

test('what may pass is tried again, later each time; what does not is kept as a dead letter', async (t) => {
  const place = await ground(t, 3);
  if (place === null) {
    return;
  }
  const { registry, redis, args, startWorker } = place;
  const seen = new Map<string, number[]>();
  const [passing = '', never = '', damaged = ''] = await Promise.all(
    ['0', '1', '2'].map(async (tag) => {
      const answer = await fetch(`http://${registry.host}/v2/many/manifests/${tag}`);
      return JSON.parse(await answer.text()).layers[0].digest as string;
    }),
  );
  let broken = true;
  registry.meddle = (request, response) => {
    const digest = /blobs\/(.*)$/.exec(request.url ?? '')?.[1] ?? '';
    const times = seen.get(digest) ?? [];
    seen.set(digest, [...times, performance.now()]);
    if (broken && digest === damaged) {
      response.end(Buffer.alloc(1_000_000));
      return true;
    }
    if (broken && (digest === never || (digest === passing && times.length < 2))) {
      // An hour is not waited for within one try.
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return true;
    }
    return false;
  };
  const worker = await startWorker();
  const { lines, exitCode } = await runScan(args);
  t.is(exitCode, 2);
  const errors = new Map(lines.map(({ image, error }) => [image.replace(/^.*:/, ''), error]));
  t.is(errors.get('0'), null);
  t.regex(errors.get('1') ?? '', /is asked too often \(status 429\), and wants to be asked again in 3600 seconds$/);
  t.regex(
    errors.get('2') ?? '',
    /many@sha256:.*: layer 1 \(sha256:.*\): has more than the \d+ bytes that were promised$/,
  );
  t.is(seen.get(passing)?.length, 3);
  const tries = seen.get(never) ?? [];
  t.is(tries.length, 4);
  const waits = tries.slice(1).map((time, index) => time - (tries[index] ?? 0));
  t.true((waits[0] ?? 0) >= 500 && (waits[2] ?? 0) >= 2000, `waited ${waits.map(Math.round)} ms`);
  t.is(seen.get(damaged)?.length, 1, 'damage does not pass');

  const [name = ''] = await queueNames(redis.url);
  const queue = new Queue(name, { connection: { url: redis.url } });
  t.teardown(() => queue.close());
  const dead = await queue.getFailed();
  t.deepEqual(dead.map(({ failedReason }) => failedReason).sort(), [...errors.values()].filter(Boolean).sort());
  broken = false;
  const again = await runScan(args);
  t.is(again.exitCode, 0, 'dead letters are tried again by the next scan');
  t.deepEqual(await queue.getFailed(), []);
  worker.process.kill('SIGTERM');
  const { stderr } = await worker.ended;
  t.is(stderr.match(/^failed, and will be tried again: /gm)?.length, 5);
  t.is(stderr.match(/^failed: /gm)?.length, 2);
});

async function queueNames(url: string): Promise<readonly string[]> {
  const redis = new Redis(url);
  try {
    return (await redis.keys('bull:*:meta')).map((key) => key.split(':')[1] ?? '');
  } finally {
    redis.disconnect();
  }
}

test('a Redis that is not there or refuses is an error that shows no password', async (t) => {
  const place = await ground(t, 1);
  if (place === null) {
    return;
  }
  const { registry, redis } = place;
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    [registry.host, 'redis://:hunter2-other@127.0.0.1:1', /\[unreachable\]: 127\.0\.0\.1:1: Redis does not answer$/m],
    ['--worker', redis.url.replace(redis.password, 'hunter2-other'), /\[denied\]: .*: Redis refuses the password$/m],
    ['--worker', redis.url.replace(/:[^:]*@/, ''), /\[denied\]: .*: Redis wants a password$/m],
    [registry.host, 'http://hunter2-other@127.0.0.1', /\[usage\]: --queue: not the address of a Redis server$/m],
  ];
  await Promise.all(
    wrong.map(async ([what, url, message]) => {
      const { exitCode, stdout, stderr } = await runScan([what, '--queue', url, '--debug']);
      t.is(exitCode, 2);
      t.is(stdout, '');
      t.regex(stderr, message);
      t.notRegex(stderr, /hunter2/);
    }),
  );
});
