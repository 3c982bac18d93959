import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import type { Load, LoadFigures } from './load.ts';

/**
 * Sends one request again and again over TLS and prints what became of it: a program of its own, so that it takes no time
 * of the servers that it measures. Argument: a {@link Load} in JSON. It writes bytes that are made once and reads no more
 * of an answer than it must, because every server here is faster than a general HTTP client.
 */
const load: Load = JSON.parse(process.argv[2] ?? '{}');
const body = readFileSync(load.bodyFile);
const message = Buffer.concat([
  Buffer.from(
    `POST ${load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
  ),
  body,
]);
const expected = Buffer.from(load.expected);

const latencies: number[] = [];
let wrong = 0;
let firstWrong = '';
// An API server keeps its connections; shaking hands is over before time counts.
const sockets = await Promise.all(Array.from({ length: load.connections }, connected));
const start = performance.now();
const end = start + load.milliseconds;
// With a rate requests have times at which they are due, and wait of the server counts from then on.
const interval = load.perSecond === null ? null : 1_000 / load.perSecond;
let sent = 0;

await Promise.all(sockets.map(askAgainAndAgain));
const elapsed = performance.now() - start;
latencies.sort((left, right) => left - right);
const figures: LoadFigures = {
  answered: latencies.length,
  wrong,
  firstWrong,
  perSecond: (latencies.length / elapsed) * 1_000,
  p50: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
  p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
};
process.stdout.write(JSON.stringify(figures));

async function connected(): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: load.port, ca: readFileSync(load.authorityFile) });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

async function askAgainAndAgain(socket: TLSSocket): Promise<void> {
  for (;;) {
    const due = interval === null ? performance.now() : start + sent * interval;
    sent += 1;
    if (due >= end) {
      break;
    }
    const early = due - performance.now();
    if (early > 0) {
      await new Promise((resolve) => setTimeout(resolve, early));
    }
    // Timers fire late by a millisecond; that is not the server's.
    const asked = interval === null || early > 0 ? performance.now() : due;
    const answer = await exchange(socket);
    latencies.push(performance.now() - asked);
    if (!answer.includes(expected)) {
      wrong += 1;
      firstWrong ||= answer.toString('utf8').slice(0, 600);
    }
  }
  socket.destroy();
}

function exchange(socket: TLSSocket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      if (isWhole(received)) {
        settle();
        resolve(received);
      }
    };
    const fail = (error?: Error): void => {
      settle();
      reject(error ?? new Error('the server has closed the connection'));
    };
    const settle = (): void => {
      socket.off('data', take);
      socket.off('error', fail);
      socket.off('close', fail);
    };
    socket.on('data', take);
    socket.on('error', fail);
    socket.on('close', fail);
    socket.write(message);
  });
}

function isWhole(bytes: Buffer): boolean {
  const head = bytes.indexOf('\r\n\r\n');
  if (head < 0) {
    return false;
  }
  const length = /content-length: *(\d+)/i.exec(bytes.toString('latin1', 0, head));
  return length === null
    ? bytes.subarray(-5).toString('latin1') === '0\r\n\r\n'
    : bytes.length >= head + 4 + Number(length[1]);
}
