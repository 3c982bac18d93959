import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { Authentication, denied, type Scope } from './authentication.ts';
import type { CredentialSource } from './credentials.ts';
import {
  type Answer,
  type Connections,
  discard,
  isLoopback,
  type Request,
  readBody,
  type Slowness,
} from './exchange.ts';
import { Gate, interruptibleSleep, type Pace } from './pace.ts';
import { mostRedirects, redirectTarget } from './redirects.ts';
import type { RegistrySettings } from './settings.ts';

export interface RegistryHostOptions {
  /** As in references. */
  readonly registry: string;
  readonly settings: RegistrySettings | null;
  readonly credentials: CredentialSource;
  readonly connections: Connections;
  readonly pace: Pace;
}

/** A request to a registry, before its address, credentials and tries are settled. */
export interface Call {
  readonly method: Request['method'];
  /** From `/v2/` on, or a whole address that the registry has named. */
  readonly path: string | URL;
  readonly scope: Scope;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Whether the body is read while others may ask on: of a blob that is streamed. */
  readonly streams?: true;
  /** What is asked for, for messages: `manifest 1.2`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body has been read. */
export interface WholeAnswer extends Answer {
  readonly bytes: Buffer;
}

/**
 * One registry: knows by which scheme it is reached, answers its challenges, follows its redirects without taking
 * credentials along, waits when it asks for that, and tries again what may succeed then.
 */
export class RegistryHost {
  readonly name: string;
  readonly slowness: Slowness;
  readonly #settings: RegistrySettings | null;
  readonly #credentials: CredentialSource;
  readonly #connections: Connections;
  readonly #authentication: Authentication;
  readonly #gate: Gate;
  #scheme: 'https' | 'http' | null;

  constructor({ registry, settings, credentials, connections, pace }: RegistryHostOptions) {
    this.name = registry;
    this.#settings = settings;
    this.#credentials = credentials;
    this.#connections = connections;
    this.slowness = connections.slowness;
    this.#gate = new Gate(pace);
    const ca = settings?.ca ?? null;
    this.#authentication = new Authentication({ registry, credentials, connections, ca });
    // Loopback is found out by asking; a certificate of one's own says that TLS is meant.
    this.#scheme = settings?.plainHttp === true ? 'http' : isLoopback(registry) && ca === null ? null : 'https';
  }

  /** Asks and reads the whole answer, of at most `most` bytes. @throws as {@link call} does; `limit` */
  async ask(call: Call, most: number): Promise<WholeAnswer> {
    return this.#tryRepeatedly(call, async () => {
      const answer = await this.#exchange(call);
      const bytes = call.method === 'HEAD' ? Buffer.alloc(0) : await readBody(answer, most, this.#connections.slowness);
      if (bytes === null) {
        throw new ElfgateError('limit', `${this.name}: ${call.what} has more than ${most} bytes`);
      }
      return { ...answer, bytes };
    });
  }

  /**
   * Asks for a stream: the caller reads the body or destroys it.
   *
   * @throws ElfgateError `denied`, `unreachable`; the signal's reason. Other answers than success are returned.
   */
  async open(call: Call): Promise<Answer> {
    return this.#tryRepeatedly(call, () => this.#exchange(call));
  }

  async #tryRepeatedly<Result extends Answer>(call: Call, attempt: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      let failure: { readonly sentence: string; readonly cause: unknown; readonly retryAfter: number | null };
      try {
        const answer = await this.#gate.pass(attempt, call.signal);
        if (!isPassing(answer.status)) {
          return answer;
        }
        discard(answer);
        failure = {
          sentence: `${call.what}: ${answer.status === 429 ? 'is asked too often' : 'is in trouble'} (status ${answer.status})`,
          cause: undefined,
          retryAfter: retryAfter(answer),
        };
      } catch (cause) {
        call.signal?.throwIfAborted();
        if (cause instanceof ElfgateError) {
          throw cause;
        }
        failure = { sentence: `${call.what}: ${networkSentence(cause)}`, cause, retryAfter: null };
        if (!mayPass(cause)) {
          throw this.#unreachable(failure.sentence, cause);
        }
      }
      const wait = failure.retryAfter ?? backoff(tries);
      if (tries >= limits.registryTries) {
        throw this.#unreachable(`${failure.sentence}, after ${tries} tries`, failure.cause);
      }
      if (wait > limits.registryRetryAfterMilliseconds) {
        throw this.#unreachable(
          `${failure.sentence}, and wants to be asked again in ${Math.ceil(wait / 1000)} seconds`,
        );
      }
      await interruptibleSleep(wait, call.signal);
    }
  }

  #unreachable(sentence: string, cause?: unknown): ElfgateError {
    const certificate = /certificate/.test(sentence);
    return new ElfgateError('unreachable', `${this.name}: ${sentence}`, {
      hint: certificate
        ? 'name its authority in elfgate.yaml: registries: [{ host, ca: FILE }]'
        : 'check the name and the network; a registry without TLS is named by --plain-http HOST',
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** One request with its challenge and its redirects. */
  async #exchange(call: Call): Promise<Answer> {
    let authorization = this.#authentication.known(call.scope);
    for (let challenges = 0; ; challenges++) {
      const answer = await this.#followed(call, authorization);
      // Only the registry itself may ask for credentials, not where it redirects to.
      if (answer.status === 403 || (answer.status === 401 && challenges === 2)) {
        discard(answer);
        const credentials = await this.#credentials.credentialsFor(this.name, call.scope.repository);
        throw denied(this.name, call.scope, credentials);
      }
      if (answer.status !== 401) {
        return answer;
      }
      discard(answer);
      authorization = await this.#authentication.answer(call.scope, answer, authorization, call.signal);
    }
  }

  async #followed(call: Call, authorization: string | null): Promise<Answer> {
    const scheme = this.#scheme ?? (await this.#probe(call));
    const origin = new URL(`${scheme}://${apiHost(this.name)}`);
    let url = new URL(call.path, origin);
    for (let redirects = 0; ; redirects++) {
      const headers: Record<string, string> = { 'user-agent': 'elfgate', ...call.headers };
      const own = url.origin === origin.origin;
      if (own && authorization !== null) {
        headers.authorization = authorization;
      }
      const answer = await this.#connections.send(
        { method: call.method, url, headers, body: call.body ?? null, signal: call.signal },
        own ? (this.#settings?.ca ?? null) : null,
      );
      const target = redirectTarget(url, answer.status, answer.headers.location);
      if (target === null) {
        if (answer.status === 401 && !own) {
          discard(answer);
          throw new ElfgateError('denied', `${this.name}: ${call.what}: ${url.host}, where it redirects to, refuses`);
        }
        return answer;
      }
      discard(answer);
      if (
        !(target instanceof URL) ||
        redirects === mostRedirects ||
        !(call.method === 'GET' || call.method === 'HEAD')
      ) {
        const reason = target instanceof URL ? 'redirects again and again' : target.refused;
        throw new ElfgateError('unreachable', `${this.name}: ${call.what}: ${reason}, which is not followed`);
      }
      url = target;
    }
  }

  /** Whether a registry on loopback speaks TLS. A certificate that is not trusted means that it does. */
  async #probe({ signal }: Call): Promise<'https' | 'http'> {
    const url = new URL(`https://${apiHost(this.name)}/v2/`);
    try {
      discard(await this.#connections.send({ method: 'GET', url, headers: {}, body: null, signal }, null));
      this.#scheme = 'https';
    } catch (error) {
      signal?.throwIfAborted();
      const code = codeOf(error);
      if (code === 'ECONNREFUSED') {
        throw error;
      }
      this.#scheme = certificateCodes.test(code) ? 'https' : 'http';
    }
    return this.#scheme;
  }
}

/** Where the API of a registry is. Docker's is not at the host that references name. */
function apiHost(registry: string): string {
  return registry === 'docker.io' ? 'registry-1.docker.io' : registry;
}

/** Answers that another try may better: RFC 6585, section 4, and those of servers and proxies in trouble. */
function isPassing(status: number): boolean {
  return status === 429 || status === 408 || (status >= 500 && status !== 501);
}

const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ISSUER/;

/**
 * Whether a failure of the network may pass: not a name that does not exist, nor a certificate that is not trusted; and
 * who was silent for half a minute has been waited for.
 */
function mayPass(error: unknown): boolean {
  const code = codeOf(error);
  return !(code === 'ENOTFOUND' || code === 'ETIMEDOUT' || certificateCodes.test(code) || /SSL|TLS|EPROTO/.test(code));
}

function networkSentence(error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'ENOTFOUND':
      return 'there is no host of that name';
    case 'ECONNREFUSED':
      return 'nothing listens there';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection broke';
    case 'ETIMEDOUT':
      return 'does not answer in time';
    default:
      if (certificateCodes.test(code)) {
        return `its certificate is not trusted (${code})`;
      }
      return /SSL|TLS|EPROTO/.test(code) ? `does not speak TLS (${code})` : `cannot be reached (${code})`;
  }
}

/** A code of the system or of Node. Several addresses of one name fail together, each with a code of its own. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return codeOf(error.errors[0]);
  }
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

/** Milliseconds before the next try: twice as long each time, and never the same for all who wait. */
function backoff(tries: number): number {
  return 200 * 2 ** (tries - 1) * (0.5 + Math.random());
}

/** Milliseconds that an answer asks for (RFC 9110, section 10.2.3); null when it does not. Dates count from its own. */
function retryAfter({ headers }: Answer): number | null {
  const value = headers['retry-after'];
  if (value === undefined) {
    return null;
  }
  if (/^\d{1,9}$/.test(value)) {
    return Number(value) * 1000;
  }
  const wait = Date.parse(value) - Date.parse(headers.date ?? '');
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}
