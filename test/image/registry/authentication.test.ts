import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { ElfgateError } from '../../../src/errors.ts';
import { registryClient } from '../../../src/image/registry/client.ts';
import { anonymous, type CredentialSource, type Credentials } from '../../../src/image/registry/credentials.ts';
import { redirectTarget } from '../../../src/image/registry/redirects.ts';
import type { RegistrySettings } from '../../../src/image/registry/settings.ts';
import { listen } from '../../lab/registry-server.ts';
import { hostileRegistry } from './hostile-registry.ts';

const secret = 'hunter2-secret';

function knowing(credentials: Credentials): CredentialSource {
  return { credentialsFor: async () => credentials };
}

/** A server that is called with each request, and notes what it was asked for. */
async function serverOf(t: ExecutionContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const requests: { readonly line: string; readonly authorization: string | undefined; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    requests.push({ line: `${method} ${url}`, authorization: headers.authorization, body: await text(request) });
    answer(request, response);
  });
  const host = await listen(server);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host, requests };
}

/** A registry that takes one token, and names a service that gives it. */
async function registryWithTokens(t: ExecutionContext, realm: string, isValid: (token: string) => boolean) {
  const running = await hostileRegistry({
    misbehave(request, response) {
      if (isValid(request.headers.authorization?.replace(/^Bearer /, '') ?? '')) {
        return false;
      }
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${realm}/token",service="s"` }).end();
      return true;
    },
  });
  t.teardown(running.stop);
  return running;
}

function clientFor(
  t: ExecutionContext,
  credentials: CredentialSource,
  registries: readonly RegistrySettings[] = [],
  environment: Readonly<Record<string, string>> = {},
) {
  const client = registryClient({ registries, credentials, environment });
  t.teardown(client.close);
  return client;
}

const tokenQuery = '/token?scope=repository%3Aapp%3Apull&service=s';
const kinds: readonly (readonly [
  what: string,
  credentials: CredentialSource,
  asked: readonly { readonly line: string; readonly authorization: string | undefined; readonly body: string }[],
])[] = [
  ['an anonymous visitor', anonymous, [{ line: `GET ${tokenQuery}`, authorization: undefined, body: '' }]],
  [
    'a password',
    knowing({ kind: 'password', username: 'scanner', password: secret }),
    [
      {
        line: `GET ${tokenQuery}`,
        authorization: `Basic ${Buffer.from(`scanner:${secret}`).toString('base64')}`,
        body: '',
      },
    ],
  ],
  [
    'an identity token',
    knowing({ kind: 'identity-token', token: secret }),
    [
      {
        line: 'POST /token',
        authorization: undefined,
        body: `scope=repository%3Aapp%3Apull&service=s&grant_type=refresh_token&refresh_token=${secret}&client_id=elfgate`,
      },
    ],
  ],
  ['a token of the registry', knowing({ kind: 'registry-token', token: 'given' }), []],
];

for (const [what, credentials, asked] of kinds) {
  test(`${what} gets a token in its own way`, async (t) => {
    const tokens = await serverOf(t, (_request, response) => response.end('{"access_token":"given"}'));
    const running = await registryWithTokens(t, tokens.host, (token) => token === 'given');
    await clientFor(t, credentials).repository({ registry: running.host, repository: 'app' }).manifest('1');
    t.deepEqual(tokens.requests, asked);
  });
}

test('a token is asked for again when it has expired, before the registry refuses it', async (t) => {
  let given = 0;
  const tokens = await serverOf(t, (_request, response) => {
    given += 1;
    // Less than the seconds that are taken off for the way there; then one is left.
    response.end(JSON.stringify({ token: `token-${given}`, expires_in: 3 }));
  });
  const running = await registryWithTokens(t, tokens.host, (token) => token === `token-${given}` && given > 0);
  const store = clientFor(t, anonymous).repository({ registry: running.host, repository: 'app' });
  await store.manifest('1');
  await store.manifest('1');
  t.is(given, 1);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await store.manifest('1');
  t.is(given, 2);
});

test('a token service that redirects gets no one to follow, with or without credentials', async (t) => {
  const elsewhere = await serverOf(t, (_request, response) => response.end('{"token":"given"}'));
  const tokens = await serverOf(t, (_request, response) => {
    response.writeHead(307, { location: `http://${elsewhere.host}/token` }).end();
  });
  const running = await registryWithTokens(t, tokens.host, (token) => token === 'given');
  const store = clientFor(t, knowing({ kind: 'password', username: 'scanner', password: secret })).repository({
    registry: running.host,
    repository: 'app',
  });
  const error = await t.throwsAsync(store.manifest('1'), { instanceOf: ElfgateError });
  t.regex(error.message, /its token service .* answers with status 307 and no token$/);
  t.deepEqual(elsewhere.requests, []);
});

test('a token service on another machine may not be this machine, nor be asked without TLS', async (t) => {
  // A proxy shows what would leave this machine, and answers as a registry elsewhere would.
  let realm = '';
  const proxy = await serverOf(t, (_request, response) => {
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
  });
  const registries = [{ host: 'registry.example.com', plainHttp: true, ca: null, mirrors: [] }];
  const environment = { HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: '' };
  for (realm of ['http://127.0.0.1:1/token', 'http://169.254.169.254/latest', 'http://[::1]/', 'http://localhost/']) {
    const credentials = knowing({ kind: 'password', username: 'scanner', password: secret });
    const store = clientFor(t, credentials, registries, environment).repository({
      registry: 'registry.example.com',
      repository: 'app',
    });
    const error = await t.throwsAsync(store.manifest('1'), { instanceOf: ElfgateError });
    t.is(error.code, 'denied');
    t.regex(error.message, /its token service is not asked: .* is an address of this machine$/);
  }
  t.true(proxy.requests.every(({ authorization }) => authorization === undefined));
});

test('plain HTTP is spoken to loopback and to hosts that are named, and to no other', async (t) => {
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(404).end();
  });
  proxy.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    socket.end('HTTP/1.1 502 no\r\n\r\n');
  });
  const host = await listen(proxy);
  t.teardown(() => proxy.close());
  const environment = { HTTP_PROXY: `http://${host}`, HTTPS_PROXY: `http://${host}`, NO_PROXY: '' };
  const named = [{ host: 'plain.example.com', plainHttp: true, ca: null, mirrors: [] }];
  for (const registry of ['plain.example.com', 'registry.example.com', 'registry.example.com:80']) {
    const store = clientFor(t, anonymous, named, environment).repository({ registry, repository: 'app' });
    await t.throwsAsync(store.manifest('1'), { instanceOf: ElfgateError });
  }
  t.deepEqual(
    [...new Set(seen)],
    [
      'GET http://plain.example.com/v2/app/manifests/1',
      'CONNECT registry.example.com:443',
      'CONNECT registry.example.com:80',
    ],
  );
});

test('a redirect leads neither out of TLS nor to this machine, and takes no credentials along in its address', (t) => {
  const from = new URL('https://registry.example.com/v2/app/blobs/x');
  const to = (location: string) => redirectTarget(from, 307, location);
  t.deepEqual(to('http://storage.example.com/x'), { refused: 'redirects to storage.example.com without TLS' });
  t.deepEqual(to('https://127.0.0.1/x'), {
    refused: 'redirects to 127.0.0.1: 127.0.0.1 is an address of this machine',
  });
  t.deepEqual(to('https://169.254.169.254/x'), {
    refused: 'redirects to 169.254.169.254: 169.254.169.254 is an address of this machine',
  });
  t.deepEqual(to('https://a:b@storage.example.com/x'), new URL('https://storage.example.com/x'));
  t.is(redirectTarget(from, 200, 'https://storage.example.com/x'), null);
});
