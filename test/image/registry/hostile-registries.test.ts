import { createServer } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { ElfgateError } from '../../../src/errors.ts';
import { mediaTypes } from '../../../src/image/descriptor.ts';
import { openImages } from '../../../src/image/open-images.ts';
import { type RegistryClient, registryClient } from '../../../src/image/registry/client.ts';
import { anonymous, type CredentialSource } from '../../../src/image/registry/credentials.ts';
import { type Slowness, usualSlowness } from '../../../src/image/registry/exchange.ts';
import type { RegistrySettings } from '../../../src/image/registry/settings.ts';
import { listen } from '../../lab/registry-server.ts';
import { type HostileRegistry, hostileRegistry, type Overrides } from './hostile-registry.ts';

const secret = 'hunter2-secret';
const known: CredentialSource = {
  credentialsFor: async () => ({ kind: 'password', username: 'scanner', password: secret }),
};

async function registry(t: ExecutionContext, overrides: Overrides = {}): Promise<HostileRegistry> {
  const running = await hostileRegistry(overrides);
  t.teardown(running.stop);
  return running;
}

// Tests do not wait as long as people do.
const hurry: Slowness = { silence: 500, answer: 1000 };

function clientFor(
  t: ExecutionContext,
  credentials = anonymous,
  registries: readonly RegistrySettings[] = [],
  slowness: Slowness = usualSlowness,
) {
  const client = registryClient({ registries, credentials, environment: {}, slowness });
  t.teardown(client.close);
  return client;
}

function plain(host: string): readonly RegistrySettings[] {
  return [{ host, plainHttp: true, ca: null, mirrors: [] }];
}

/** Opens `app:1` and reads its layer to the end. */
async function readAll(client: RegistryClient, host: string, signal?: AbortSignal): Promise<Buffer> {
  const [image] = await openImages(
    { kind: 'registry', reference: { registry: host, repository: 'app', tag: '1', digest: null } },
    { platform: null, registries: client, ...(signal === undefined ? {} : { signal }) },
  );
  const chunks: Buffer[] = [];
  for (const layer of image?.layers ?? []) {
    for await (const chunk of (await image?.openLayer(layer)) ?? []) {
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks);
}

async function failure(t: ExecutionContext, work: Promise<unknown>): Promise<ElfgateError> {
  const error = await t.throwsAsync(work, { instanceOf: ElfgateError });
  const shown = `${error.message} ${error.hint} ${String(error.cause)}`;
  t.notRegex(shown, new RegExp(`${secret}|secret-message|${Buffer.from(`scanner:${secret}`).toString('base64')}`));
  return error;
}

test('an image of a registry on loopback without TLS is read', async (t) => {
  const running = await registry(t);
  t.true((await readAll(clientFor(t), running.host)).equals(running.layer));
});

test('a dropped layer is fetched on where it broke', async (t) => {
  let drops = 0;
  const running = await registry(t, {
    misbehave(request, response, url) {
      if (!url.pathname.includes('/blobs/') || drops >= 2 || (drops === 0 && request.headers.range !== undefined)) {
        return false;
      }
      const from = Number(/(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (!url.pathname.endsWith(running.layerDigest)) {
        return false;
      }
      drops += 1;
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': running.layer.length - from,
        'content-range': `bytes ${from}-${running.layer.length - 1}/${running.layer.length}`,
      });
      response.write(running.layer.subarray(from, from + 100_000), () => response.destroy());
      return true;
    },
  });
  t.true((await readAll(clientFor(t), running.host)).equals(running.layer));
  t.is(drops, 2);
});

test('a registry that knows no ranges is read anew, and its bytes are not doubled', async (t) => {
  let dropped = false;
  const running = await registry(t, {
    misbehave(_request, response, url) {
      if (!url.pathname.endsWith(running.layerDigest)) {
        return false;
      }
      response.writeHead(200, { 'content-length': running.layer.length });
      if (dropped) {
        response.end(running.layer);
      } else {
        dropped = true;
        response.write(running.layer.subarray(0, 100_000), () => response.destroy());
      }
      return true;
    },
  });
  t.true((await readAll(clientFor(t), running.host)).equals(running.layer));
});

test('a registry that always drops a layer is given up', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response, url) {
      if (!url.pathname.endsWith(running.layerDigest)) {
        return false;
      }
      response.writeHead(200, { 'content-length': running.layer.length });
      response.flushHeaders();
      setImmediate(() => response.destroy());
      return true;
    },
  });
  const error = await failure(t, readAll(clientFor(t), running.host));
  t.is(error.code, 'unreachable');
  t.regex(error.message, /app:1: layer 1 \(sha256:.*\): breaks off again and again, at byte 0 of 300000$/);
});

test('429 and Retry-After are waited for', async (t) => {
  let refusals = 0;
  const running = await registry(t, {
    misbehave(_request, response) {
      if (refusals >= 2) {
        return false;
      }
      refusals += 1;
      // Either form of it (RFC 9110, section 10.2.3); a date counts from that of the answer.
      const date = new Date();
      const wait = refusals === 1 ? '1' : new Date(date.getTime() + 1000).toUTCString();
      response.sendDate = false;
      response.writeHead(429, { date: date.toUTCString(), 'retry-after': wait }).end();
      return true;
    },
  });
  const start = performance.now();
  t.true((await readAll(clientFor(t, anonymous, plain(running.host)), running.host)).equals(running.layer));
  t.is(refusals, 2);
  t.true(performance.now() - start >= 1990);
});

test('a registry that asks to wait for an hour is not waited for', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response) {
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return true;
    },
  });
  const error = await failure(t, readAll(clientFor(t), running.host));
  t.is(error.code, 'unreachable');
  t.regex(error.message, /is asked too often \(status 429\), and wants to be asked again in 3600 seconds$/);
});

test('a registry in trouble is tried five times, then given up', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response, url) {
      if (url.pathname === '/v2/') {
        return false;
      }
      response.writeHead(503).end();
      return true;
    },
  });
  const error = await failure(t, readAll(clientFor(t), running.host));
  t.is(error.code, 'unreachable');
  t.regex(error.message, /app: tag 1: is in trouble \(status 503\), after 5 tries$/);
  t.is(running.requests.length, 5);
});

test('a registry that hangs is left when the deadline is over', async (t) => {
  const running = await registry(t, { misbehave: () => true });
  const error = await t.throwsAsync(readAll(clientFor(t), running.host, AbortSignal.timeout(300)));
  t.is(error.name, 'TimeoutError');
});

test('a registry that says nothing, or a byte now and then, is given up without a deadline', async (t) => {
  const silent = await registry(t, { misbehave: () => true });
  const nothing = await failure(t, readAll(clientFor(t, anonymous, plain(silent.host), hurry), silent.host));
  t.is(nothing.code, 'unreachable');
  t.regex(nothing.message, /app: tag 1: does not answer in time$/);
  const dripping = async (isDripping: (path: string) => boolean, message: RegExp): Promise<void> => {
    const running = await registry(t, {
      misbehave(_request, response, url) {
        if (!isDripping(url.pathname)) {
          return false;
        }
        response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
        const timer = setInterval(() => response.write(' '), 100);
        response.once('close', () => clearInterval(timer));
        return true;
      },
    });
    const error = await failure(t, readAll(clientFor(t, anonymous, plain(running.host), hurry), running.host));
    t.is(error.code, 'unreachable');
    t.regex(error.message, message);
  };
  await Promise.all([
    dripping((path) => path.endsWith('/manifests/1'), /app: tag 1: does not answer in time$/),
    dripping((path) => path.includes('/blobs/'), /app@?.*: blob sha256:[0-9a-f]+: too slow: \d+ bytes in 1 seconds$/),
  ]);
});

test('a layer of fewer bytes than promised is an error, whether its registry knows ranges or not', async (t) => {
  for (const answersRanges of [true, false]) {
    const running = await registry(t, {
      layerSize: 400_000,
      misbehave(request, response, url) {
        if (!url.pathname.endsWith(running.layerDigest)) {
          return false;
        }
        if (answersRanges && request.headers.range !== undefined) {
          response.writeHead(416, { 'content-range': `bytes */${running.layer.length}` }).end();
          return true;
        }
        // Without a length nobody can tell whether the connection broke.
        response.writeHead(200, answersRanges ? {} : { 'content-length': running.layer.length });
        response.end(running.layer);
        return true;
      },
    });
    const error = await failure(t, readAll(clientFor(t), running.host));
    t.is(error.code, 'integrity');
    t.regex(error.message, /app:1: layer 1 \(sha256:.*\): has 300000 bytes where 400000 were promised$/);
  }
});

test('a layer that stops in the middle is left when the deadline is over', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response, url) {
      if (!url.pathname.endsWith(running.layerDigest)) {
        return false;
      }
      response.writeHead(200, { 'content-length': running.layer.length });
      response.write('la');
      return true;
    },
  });
  const error = await t.throwsAsync(readAll(clientFor(t), running.host, AbortSignal.timeout(1000)));
  t.is(error.name, 'TimeoutError');
});

test('a web page is no manifest', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>log in</html>');
      return true;
    },
  });
  const error = await failure(t, readAll(clientFor(t), running.host));
  t.is(error.code, 'unreachable');
  t.regex(error.message, /answers with a web page instead of a manifest$/);
});

const damaged: readonly (readonly [what: string, overrides: Overrides, code: string, message: RegExp])[] = [
  [
    'of schema 1',
    { manifestType: 'application/vnd.docker.distribution.manifest.v1+prettyjws', manifest: { schemaVersion: 1 } },
    'unsupported-format',
    /app:1: manifest sha256:.*: is an image of schema 1/,
  ],
  [
    'of an unknown kind',
    { manifestType: 'application/vnd.example+json' },
    'unsupported-format',
    /: is application\/vnd\.example\+json, and no image or index$/,
  ],
  [
    'that is called one thing and calls itself another',
    { manifest: { mediaType: mediaTypes.ociIndex } },
    'malformed',
    /is called .*manifest\.v1\+json and calls itself .*index\.v1\+json$/,
  ],
  ['that is an index, too', { manifest: { manifests: [] } }, 'malformed', /is an index and an image at once$/],
  [
    'with a foreign layer',
    { layerType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' },
    'unsupported-format',
    /app:1: layer 1 \(sha256:.*\) is a foreign layer/,
  ],
  [
    'with a layer of no known kind',
    { layerType: 'text/plain' },
    'unsupported-format',
    /app:1: layer 1 \(sha256:.*\) is of type text\/plain/,
  ],
  [
    'with more layers than its configuration',
    { manifest: { layers: [] } },
    'malformed',
    /has 0 layers, and its configuration names 1$/,
  ],
  ['with layers that are no list', { manifest: { layers: {} } }, 'malformed', /its layers are not a list/],
  [
    'with a configuration without digest',
    { manifest: { config: { mediaType: mediaTypes.ociConfig, size: 1 } } },
    'malformed',
    /its configuration has no media type or no digest$/,
  ],
  ['with a negative size', { layerSize: -1 }, 'malformed', /has no size$/],
  [
    'that is an artifact',
    {
      manifest: {
        config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: `sha256:${'0'.repeat(64)}`, size: 2 },
      },
    },
    'unsupported-format',
    /is an artifact of type application\/vnd\.cncf\.helm\.config/,
  ],
  [
    'with a layer of more bytes than promised',
    { layerSize: 1000 },
    'integrity',
    /app:1: layer 1 \(sha256:.*\): has more than the 1000 bytes that were promised$/,
  ],
];

for (const [what, overrides, code, message] of damaged) {
  test(`an image ${what} is an error`, async (t) => {
    const running = await registry(t, overrides);
    const error = await failure(t, readAll(clientFor(t), running.host));
    t.is(error.code as string, code);
    t.regex(error.message, message);
  });
}

test('a layer of other bytes than those of its digest is an error that names image and layer', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response, url) {
      if (!url.pathname.endsWith(running.layerDigest)) {
        return false;
      }
      response.end(Buffer.alloc(running.layer.length, 'other'));
      return true;
    },
  });
  const error = await failure(t, readAll(clientFor(t), running.host));
  t.is(error.code, 'integrity');
  t.regex(error.message, /app:1: layer 1 \(sha256:[0-9a-f]+\): the bytes are not those of sha256:/);
});

test('a manifest of other bytes than those of its digest is an error', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response) {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end('{}');
      return true;
    },
  });
  const store = clientFor(t).repository({ registry: running.host, repository: 'app' });
  const error = await failure(t, store.manifest(`sha256:${'0'.repeat(64)}`));
  t.is(error.code, 'integrity');
});

test('an endless manifest is read up to its bound only', async (t) => {
  const running = await registry(t, {
    misbehave(_request, response, url) {
      if (url.pathname === '/v2/') {
        return false;
      }
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
      const more = (): void => {
        if (response.write(Buffer.alloc(65_536, 32))) {
          setImmediate(more);
        } else {
          response.once('drain', more);
        }
      };
      more();
      return true;
    },
  });
  const error = await failure(t, readAll(clientFor(t), running.host));
  t.is(error.code, 'limit');
});

test('credentials are not taken along when a registry redirects to another host', async (t) => {
  const storage = await registry(t);
  const running = await registry(t, {
    misbehave(request, response, url) {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
        return true;
      }
      if (!url.pathname.includes('/blobs/')) {
        return false;
      }
      response.writeHead(307, { location: `http://${storage.host}${url.pathname}?signature=${secret}` }).end();
      return true;
    },
  });
  await readAll(clientFor(t, known), running.host);
  t.true(storage.requests.length > 0);
  t.deepEqual(new Set(storage.requests.map(({ authorization }) => authorization)), new Set([null]));
  t.true(running.requests.some(({ authorization }) => authorization?.startsWith('Basic ') === true));
});

const redirects: readonly (readonly [what: string, location: string, message: RegExp])[] = [
  ['in a circle', '/v2/app/manifests/1', /redirects again and again, which is not followed$/],
  ['to a file', 'file:///etc/passwd', /redirects to what is no address, which is not followed$/],
  ['to what is no address', 'http://[', /redirects to what is no address, which is not followed$/],
];

for (const [what, location, message] of redirects) {
  test(`a registry that redirects ${what} is not followed`, async (t) => {
    const running = await registry(t, {
      misbehave(_request, response, url) {
        response.writeHead(url.pathname === '/v2/' ? 200 : 302, { location }).end();
        return true;
      },
    });
    const error = await failure(t, readAll(clientFor(t), running.host));
    t.is(error.code, 'unreachable');
    t.regex(error.message, message);
  });
}

test('a token service gets credentials once, and its token expires', async (t) => {
  const asked: string[] = [];
  let valid = 'first';
  const tokens = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.end(JSON.stringify({ token: valid, expires_in: 3600 }));
  });
  const realm = await listen(tokens);
  t.teardown(() => tokens.close());
  const running = await registry(t, {
    misbehave(request, response) {
      if (request.headers.authorization === `Bearer ${valid}`) {
        return false;
      }
      response
        .writeHead(401, {
          'www-authenticate': `Bearer realm="http://${realm}/token",service="s",scope="repository:other:pull,push"`,
        })
        .end();
      return true;
    },
  });
  const client = clientFor(t, known);
  await Promise.all([readAll(client, running.host), readAll(client, running.host)]);
  const basic = `Basic ${Buffer.from(`scanner:${secret}`).toString('base64')}`;
  t.deepEqual(asked, [`GET /token?scope=repository%3Aapp%3Apull&service=s ${basic}`]);
  valid = 'second';
  await readAll(client, running.host);
  t.is(asked.length, 2, 'a token that is refused is asked for again');
});

const realms: readonly (readonly [what: string, header: string, message: RegExp])[] = [
  ['names no address', 'Bearer realm="nowhere"', /its token service is not asked: it is no address$/],
  ['puts credentials into the address', 'Bearer realm="https://a:b@x.example.com/"', /is not asked: it is no address$/],
  ['wants something unknown', 'Digest realm="x"', /refuses without saying what it wants to be told$/],
  ['wants nothing', '', /refuses without saying what it wants to be told$/],
  ['refuses always', 'Basic realm="x"', /the credentials for .* are not accepted for this$/],
];

for (const [what, header, message] of realms) {
  test(`a registry that ${what} is denied`, async (t) => {
    const running = await registry(t, {
      misbehave(_request, response) {
        response.writeHead(401, header === '' ? {} : { 'www-authenticate': header }).end();
        return true;
      },
    });
    const error = await failure(t, readAll(clientFor(t, known), running.host));
    t.is(error.code, 'denied');
    t.regex(error.message, message);
  });
}

test('a token with a line break is none', async (t) => {
  const tokens = createServer((_request, response) => response.end(JSON.stringify({ token: 'a\r\nx-evil: 1' })));
  const realm = await listen(tokens);
  t.teardown(() => tokens.close());
  const running = await registry(t, {
    misbehave(_request, response) {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${realm}/"` }).end();
      return true;
    },
  });
  const error = await failure(t, readAll(clientFor(t, known), running.host));
  t.regex(error.message, /answers with status 200 and no token$/);
});

test('mirrors are asked first, and what they lack or get wrong comes from the registry', async (t) => {
  const empty = await registry(t, {
    misbehave(_request, response) {
      response.writeHead(404).end();
      return true;
    },
  });
  const lying = await registry(t, {
    misbehave(_request, response, url) {
      if (url.pathname === '/v2/app/manifests/1') {
        return false;
      }
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end('{"schemaVersion":2}');
      return true;
    },
  });
  const good = await registry(t);
  const origin = await registry(t);
  const through = (mirrors: readonly string[]) =>
    clientFor(t, anonymous, [{ host: origin.host, plainHttp: true, ca: null, mirrors }]);
  t.true((await readAll(through([empty.host, good.host]), origin.host)).equals(good.layer));
  t.is(origin.requests.length, 0, 'the registry itself was not needed');
  const store = through([empty.host, lying.host]).repository({ registry: origin.host, repository: 'app' });
  const { descriptor, bytes } = await store.manifest('1');
  t.true(bytes.equals((await store.manifest(descriptor.digest)).bytes));
  t.true(origin.requests.length > 0);
});

test('lists that lead to another host, or never end, are not followed', async (t) => {
  for (const link of [
    '<http://other.example.com/v2/app/tags/list>; rel="next"',
    '</v2/app/tags/list?same>; rel="next"',
  ]) {
    const running = await registry(t, {
      misbehave(_request, response) {
        response.writeHead(200, { 'content-type': 'application/json', link }).end('{"tags":["1"]}');
        return true;
      },
    });
    const error = await failure(t, clientFor(t).repository({ registry: running.host, repository: 'app' }).tags());
    t.regex(error.message, /the next page is not one of its own, or not new$/);
  }
});

test('a registry where nothing listens, and a host that does not exist, are out of reach', async (t) => {
  const running = await hostileRegistry();
  running.stop();
  const refused = await failure(t, readAll(clientFor(t), running.host));
  t.is(refused.code, 'unreachable');
  const absent = await failure(t, readAll(clientFor(t), 'registry.invalid'));
  t.is(absent.code, 'unreachable');
});
