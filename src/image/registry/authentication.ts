import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { type Answer, type Connections, discard, isLoopback, readBody } from './exchange.ts';
import { refusedAddress } from './redirects.ts';

/** What a request is for, as a scope of the token protocol: `repository:team/app:pull`, `registry:catalog:*`. */
export interface Scope {
  readonly text: string;
  /** Null for the catalog. */
  readonly repository: string | null;
}

interface Grant {
  /** The value of the Authorization header. */
  readonly header: string;
  /** Milliseconds of the monotonic clock. */
  readonly expires: number;
}

export interface AuthenticationOptions {
  /** As in references. */
  readonly registry: string;
  readonly credentials: CredentialSource;
  readonly connections: Connections;
  /** Certificates trusted for the registry, and for a token service on the same host. */
  readonly ca: string | null;
}

/**
 * Answers the challenges of one registry: HTTP basic, and the token protocol of distribution (docs/spec/auth/token.md).
 * Nothing is sent before the registry has asked. One token is asked for per scope, however many requests wait for it.
 */
export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #grants = new Map<string, Grant>();
  readonly #pending = new Map<string, Promise<Grant>>();

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** The Authorization header that worked for this scope before; null when none is known or it has expired. */
  known(scope: Scope): string | null {
    const grant = this.#grants.get(scope.text);
    return grant === undefined || grant.expires <= performance.now() ? null : grant.header;
  }

  /**
   * The Authorization header that a refused request needs.
   *
   * @param refused the answer with status 401.
   * @param tried the header that was refused; null when there was none.
   * @throws ElfgateError `denied`, `unreachable`
   */
  async answer(scope: Scope, refused: Answer, tried: string | null, signal: AbortSignal | undefined): Promise<string> {
    const known = this.known(scope);
    if (known !== null && known !== tried) {
      return known;
    }
    this.#grants.delete(scope.text);
    let pending = this.#pending.get(scope.text);
    if (pending === undefined) {
      // Not ended by the signal of whoever came first: others wait for the same token.
      pending = this.#ask(scope, refused, AbortSignal.timeout(limits.registryTokenMilliseconds)).finally(() => {
        this.#pending.delete(scope.text);
      });
      this.#pending.set(scope.text, pending);
    }
    const grant = await unlessAborted(pending, signal);
    this.#grants.set(scope.text, grant);
    return grant.header;
  }

  async #ask(scope: Scope, refused: Answer, signal: AbortSignal): Promise<Grant> {
    const { registry, credentials } = this.#options;
    const challenges = parseChallenges(String(refused.headers['www-authenticate'] ?? ''));
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const known = await credentials.credentialsFor(registry, scope.repository);
    if (known?.kind === 'registry-token') {
      return { header: `Bearer ${known.token}`, expires: Number.POSITIVE_INFINITY };
    }
    if (bearer !== undefined) {
      return this.#token(bearer, known, scope, refused, signal);
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) {
      throw new ElfgateError('denied', `${registry}: refuses without saying what it wants to be told`);
    }
    if (known?.kind !== 'password') {
      throw denied(registry, scope, known);
    }
    return { header: basic(known.username, known.password), expires: Number.POSITIVE_INFINITY };
  }

  async #token(
    { parameters }: Challenge,
    credentials: Credentials | null,
    scope: Scope,
    refused: Answer,
    signal: AbortSignal,
  ): Promise<Grant> {
    const { registry, connections, ca } = this.#options;
    const realm = realmOf(parameters.realm ?? '', registry, refused.url);
    const service = parameters.service ?? '';
    // The scope is the one that is needed, not what the registry names: it must not get a token for something else.
    const fields = new URLSearchParams({ scope: scope.text, ...(service === '' ? {} : { service }) });
    const oauth = credentials?.kind === 'identity-token';
    if (!oauth) {
      for (const [name, value] of fields) {
        realm.searchParams.append(name, value);
      }
    } else {
      fields.set('grant_type', 'refresh_token');
      fields.set('refresh_token', credentials.token);
      fields.set('client_id', 'elfgate');
    }
    const headers: Record<string, string> = { accept: 'application/json' };
    if (oauth) {
      headers['content-type'] = 'application/x-www-form-urlencoded';
    }
    if (credentials?.kind === 'password') {
      headers.authorization = basic(credentials.username, credentials.password);
    }
    let answer: Answer;
    let body: Buffer | null;
    try {
      answer = await connections.send(
        {
          method: oauth ? 'POST' : 'GET',
          url: realm,
          headers,
          body: oauth ? Buffer.from(String(fields)) : null,
          signal,
        },
        realm.hostname === refused.url.hostname ? ca : null,
      );
      if (answer.status !== 200) {
        discard(answer);
      }
      body = answer.status === 200 ? await readBody(answer, limits.registryTokenBytes, connections.slowness) : null;
    } catch (cause) {
      throw new ElfgateError('unreachable', `${registry}: its token service ${realm.host} cannot be reached`, {
        cause,
      });
    }
    if (answer.status === 400 || answer.status === 401 || answer.status === 403) {
      throw denied(registry, scope, credentials);
    }
    const grant = body === null ? null : parseToken(body);
    if (grant === null) {
      throw new ElfgateError(
        'unreachable',
        `${registry}: its token service ${realm.host} answers with status ${answer.status} and no token`,
      );
    }
    return grant;
  }
}

/** @throws the signal's reason when that is given before the promise settles. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) {
    return promise;
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Where a token is to be asked for: never somewhere that credentials should not go. */
function realmOf(text: string, registry: string, registryUrl: URL): URL {
  const realm = URL.canParse(text) ? new URL(text) : null;
  const refusal =
    realm === null || !/^https?:$/.test(realm.protocol) || realm.username !== '' || realm.password !== ''
      ? 'it is no address'
      : realm.protocol === 'http:' && registryUrl.protocol === 'https:' && !isLoopback(realm.host)
        ? 'credentials would be sent without TLS'
        : refusedAddress(registryUrl, realm);
  if (realm === null || refusal !== null) {
    throw new ElfgateError('denied', `${registry}: its token service is not asked: ${refusal}`, {
      hint: 'the registry is set up wrongly, or wants to see credentials that it should not see',
    });
  }
  return realm;
}

function parseToken(body: Buffer): Grant | null {
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString());
  } catch {
    return null;
  }
  if (typeof answer !== 'object' || answer === null) {
    return null;
  }
  const { token, access_token: accessToken, expires_in: seconds } = answer as Record<string, unknown>;
  const value = typeof token === 'string' && token !== '' ? token : accessToken;
  // A token that could end the header line is none.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    return null;
  }
  // The protocol's default is a minute. A few seconds are taken off, which requests may take to get there.
  const lifetime = typeof seconds === 'number' && seconds > 0 ? Math.min(seconds, 3600) : 60;
  return { header: `Bearer ${value}`, expires: performance.now() + Math.max(1, lifetime - 5) * 1000 };
}

/** The error about credentials that a registry does not accept, or that are missing. */
export function denied(registry: string, { repository }: Scope, credentials: Credentials | null): ElfgateError {
  const what = repository === null ? registry : `${registry}/${repository}`;
  return credentials === null
    ? new ElfgateError('denied', `${what}: not for anonymous visitors, or there is no such repository`, {
        hint: `docker login ${registry}, or name a docker configuration by DOCKER_CONFIG`,
      })
    : new ElfgateError('denied', `${what}: the credentials for ${registry} are not accepted for this`, {
        hint: `docker login ${registry}`,
      });
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
