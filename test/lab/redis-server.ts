/** Runs a Redis server for tests: on a free port of loopback, nothing kept, ended with the test. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { listen } from './registry-server.ts';

/** A server that runs. */
export interface RunningRedis {
  /** `redis://:PASSWORD@127.0.0.1:PORT` */
  readonly url: string;
  readonly password: string;
  /** Empties it. */
  forgetJobs(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there is no Redis on this machine; null when there is one. */
export const redisMissing: string | null =
  spawnSync('redis-server', ['--version']).error === undefined
    ? null
    : 'redis-server is not on this machine: apt-get install redis-server';

export async function startRedis(): Promise<RunningRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-redis-'));
  const password = 'hunter2-redis';
  // Redis takes no port 0: one that was free a moment ago is given to it.
  const probe = createServer();
  const port = (await listen(probe)).split(':')[1] ?? '';
  await new Promise((resolve) => probe.close(resolve));
  const options = { port, bind: '127.0.0.1', dir: directory, requirepass: password, save: '', appendonly: 'no' };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  // A test that fails must not leave servers behind.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line.includes('Ready to accept connections')) {
        resolve();
      }
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error('redis-server ended before it was ready')));
  });
  const url = `redis://:${password}@127.0.0.1:${port}`;
  return {
    url,
    password,
    async forgetJobs() {
      const redis = new Redis(url);
      await redis.flushall();
      redis.disconnect();
    },
    async stop() {
      process.off('exit', kill);
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
