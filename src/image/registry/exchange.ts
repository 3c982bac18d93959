import type {
  ClientRequest,
  Agent as HttpAgent,
  IncomingHttpHeaders,
  IncomingMessage,
  RequestOptions,
} from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { limits } from '../../limits.ts';

/** One HTTP request. */
export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  readonly signal: AbortSignal | undefined;
}

/** The head of an answer; its body is read or destroyed by whoever asked. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  /** What was asked for in the end, after redirects. */
  readonly url: URL;
}

/** Keeps connections to hosts open between requests. */
export interface Connections {
  readonly slowness: Slowness;
  /** @throws Error of the network, with `code`; the signal's reason. */
  send(request: Request, ca: string | null): Promise<Answer>;
  close(): void;
}

/** How slow a server may be before it is given up, in milliseconds. */
export interface Slowness {
  /** In which it says nothing: before an answer, and between two parts of one. */
  readonly silence: number;
  /** For a whole answer that is no blob; of a blob, for 64 KiB. */
  readonly answer: number;
}

export const usualSlowness: Slowness = {
  silence: limits.registrySilenceMilliseconds,
  answer: limits.registryAnswerMilliseconds,
};

type Environment = Readonly<Record<string, string | undefined>>;

/** @param environment whose HTTPS_PROXY, HTTP_PROXY and NO_PROXY are followed. */
export function connections(environment: Environment, slowness: Slowness): Connections {
  // Idle connections are closed after this long, in milliseconds: registries close theirs after a minute or more.
  const options = { keepAlive: true, timeout: 30_000, proxyEnv: { ...environment } };
  let http: HttpAgent | undefined;
  const https = new Map<string | null, HttpsAgent>();
  return {
    slowness,
    // Neither is loaded before it is spoken: TLS takes ten milliseconds, and a stored image needs no network at all.
    async send(request, ca) {
      request.signal?.throwIfAborted();
      if (request.url.protocol !== 'https:') {
        const { Agent, request: start } = await import('node:http');
        http ??= new Agent(options);
        return send(request, start, http, slowness);
      }
      const { Agent, request: start } = await import('node:https');
      const agent = https.get(ca) ?? new Agent({ ...options, ...(ca === null ? {} : { ca }) });
      https.set(ca, agent);
      return send(request, start, agent, slowness);
    },
    close() {
      http?.destroy();
      for (const agent of https.values()) {
        agent.destroy();
      }
    },
  };
}

type Start = (url: URL, options: RequestOptions) => ClientRequest;

function send(asked: Request, start: Start, agent: HttpAgent | HttpsAgent, { silence }: Slowness): Promise<Answer> {
  const { method, url, headers, body, signal } = asked;
  return new Promise((resolve, reject) => {
    const request = start(url, {
      method,
      agent,
      headers: { ...headers, ...(body === null ? {} : { 'content-length': String(body.length) }) },
      maxHeaderSize: limits.registryHeaderBytes,
      ...(signal === undefined ? {} : { signal }),
    });
    // Neither a connection nor an answer nor the next bytes of one may take longer.
    request.setTimeout(silence, () => {
      request.destroy(new SlownessError(`nothing was received for ${silence / 1000} seconds`));
    });
    request.once('response', (message) => {
      resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message, url });
    });
    request.on('error', (error) => reject(signal?.aborted === true ? signal.reason : error));
    request.end(body ?? undefined);
  });
}

/** A server said nothing, or too little, for too long. */
export class SlownessError extends Error {
  readonly code = 'ETIMEDOUT';
}

/**
 * The whole body of an answer; null when it is longer than `most` bytes.
 *
 * @throws Error of the network, with `code`; the signal's reason.
 */
export async function readBody(answer: Answer, most: number, { answer: longest }: Slowness): Promise<Buffer | null> {
  const start = performance.now();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) {
      return null;
    }
    // A byte now and then is no silence.
    if (performance.now() - start > longest) {
      throw new SlownessError(`no whole answer within ${longest / 1000} seconds`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Gives up an answer whose body nobody wants; a short one is read so that its connection can be used again. */
export function discard(answer: Answer): void {
  const length = Number(answer.headers['content-length'] ?? Number.NaN);
  // An error after this is of no interest to anybody.
  answer.body.on('error', () => {});
  if (length <= 65_536) {
    answer.body.resume();
  } else {
    answer.body.destroy();
  }
}

/** Whether a host is this machine itself. @param host with or without a port. */
export function isLoopback(host: string): boolean {
  const name = hostName(host);
  return name === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(name) || name === '::1';
}

/** Whether a host is an address that means another machine to everyone who uses it: this one, or the link's. */
export function isLocalAddress(host: string): boolean {
  const name = hostName(host);
  return (
    isLoopback(host) ||
    name.endsWith('.localhost') ||
    /^(?:0\.0\.0\.0|169\.254\.\d+\.\d+|::|fe80:.*|::ffff:.*)$/.test(name)
  );
}

function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  return (bracketed ?? host.replace(/:\d*$/, '')).toLowerCase();
}
