import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../../src/errors.ts';
import { parseChallenges } from '../../../src/image/registry/challenge.ts';
import { firstOf } from '../../../src/image/registry/credentials.ts';
import {
  dockerConfigFiles,
  dockerCredentials,
  parseDockerConfig,
  pullSecretCredentials,
} from '../../../src/image/registry/docker-config.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function directoryWith(config: object, helpers: Readonly<Record<string, string>> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-docker-'));
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  for (const [name, script] of Object.entries(helpers)) {
    writeFileSync(join(directory, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, `docker-credential-${name}`), 0o755);
  }
  return dockerCredentials([join(directory, 'absent.json'), join(directory, 'config.json')], {
    PATH: `${directory}:/usr/bin:/bin`,
  });
}

test('credentials are found by all names that a registry has in docker configurations', async (t) => {
  const source = directoryWith({
    auths: {
      'https://index.docker.io/v1/': { auth: base64('hub:a:b') },
      'registry.example.com:5000': { username: 'u', password: 'p' },
      'registry.example.com:5000/team': { auth: base64('team:t') },
      'https://token.example.com': { identitytoken: 'refresh' },
      'bearer.example.com': { registrytoken: 'ready' },
      'empty.example.com': {},
    },
  });
  const password = (username: string, secret: string) => ({ kind: 'password', username, password: secret });
  t.deepEqual(await source.credentialsFor('docker.io', 'library/debian'), password('hub', 'a:b'));
  t.deepEqual(await source.credentialsFor('registry.example.com:5000', 'app'), password('u', 'p'));
  t.deepEqual(await source.credentialsFor('registry.example.com:5000', 'team/app'), password('team', 't'));
  t.deepEqual(await source.credentialsFor('token.example.com', 'a'), { kind: 'identity-token', token: 'refresh' });
  t.deepEqual(await source.credentialsFor('bearer.example.com', 'a'), { kind: 'registry-token', token: 'ready' });
  t.is(await source.credentialsFor('empty.example.com', 'a'), null);
  t.is(await source.credentialsFor('registry.example.com', 'a'), null, 'another port is another registry');
});

test('a credential helper is asked on its standard input, without a shell', async (t) => {
  const source = directoryWith(
    { credHelpers: { 'a.example.com': 'named' }, credsStore: 'all', auths: { 'c.example.com': {} } },
    {
      named: 'read server; printf \'{"ServerURL":"%s","Username":"named","Secret":"%s"}\' "$server" "$1"',
      all: 'read server; if [ "$server" = "https://index.docker.io/v1/" ]; then echo \'{"Username":"<token>","Secret":"t"}\'; else echo "credentials not found in native keychain"; exit 1; fi',
    },
  );
  t.deepEqual(await source.credentialsFor('a.example.com', null), {
    kind: 'password',
    username: 'named',
    password: 'get',
  });
  t.deepEqual(await source.credentialsFor('docker.io', null), { kind: 'identity-token', token: 't' });
  t.is(await source.credentialsFor('c.example.com', null), null);
});

const failing: readonly (readonly [what: string, name: string, script: string, code: string])[] = [
  ['fails', 'bad', 'echo "secret-in-output"; exit 3', 'denied'],
  ['answers with something else', 'bad', 'echo "secret-in-output"', 'denied'],
  ['never stops talking', 'bad', 'yes secret-in-output', 'denied'],
  ['is not there', 'absent', '', 'missing-tool'],
  ['is named by a path', '../bad', '', 'denied'],
  ['is named by a command', 'bad; id', '', 'denied'],
];

for (const [what, name, script, code] of failing) {
  test(`a credential helper that ${what} is an error that shows nothing of what it says`, async (t) => {
    const source = directoryWith({ credsStore: name }, { bad: script });
    const error = await t.throwsAsync(source.credentialsFor('a.example.com', null), { instanceOf: ElfgateError });
    t.is(error.code as string, code);
    t.notRegex(`${error.message}${error.hint}${String(error.cause)}`, /secret-in-output/);
  });
}

test('a pull secret runs no helper, and a damaged one is not quoted', async (t) => {
  const secret = pullSecretCredentials(
    parseDockerConfig(
      JSON.stringify({ credsStore: 'x', auths: { 'a.example.com': { auth: base64('u:p') } } }),
      'secret',
    ),
  );
  t.is(await secret.credentialsFor('b.example.com', null), null);
  const legacy = pullSecretCredentials(parseDockerConfig('{"a.example.com":{"auth":"dTpw"}}', 'secret'));
  const both = firstOf([secret, legacy]);
  t.deepEqual(await both.credentialsFor('a.example.com', 'x'), { kind: 'password', username: 'u', password: 'p' });
  const error = t.throws(() => parseDockerConfig('{"auth": "hunter2', 'secret a/b'), { instanceOf: ElfgateError });
  t.is(error.message, 'secret a/b: not JSON');
});

test('configuration files are looked for where docker and podman keep them', (t) => {
  t.deepEqual(dockerConfigFiles({ HOME: '/home/u' }), ['/home/u/.docker/config.json']);
  t.deepEqual(dockerConfigFiles({ HOME: '/h', DOCKER_CONFIG: '/d', REGISTRY_AUTH_FILE: '/r', XDG_RUNTIME_DIR: '/x' }), [
    '/r',
    '/d/config.json',
    '/x/containers/auth.json',
  ]);
  t.deepEqual(dockerConfigFiles({}), []);
});

test('challenges are read as they are written', (t) => {
  t.deepEqual(
    parseChallenges('Bearer realm="https://a.example.com/t?x=1,2",service="a \\"b\\"", scope=x , Basic realm=b'),
    [
      { scheme: 'bearer', parameters: { realm: 'https://a.example.com/t?x=1,2', service: 'a "b"', scope: 'x' } },
      { scheme: 'basic', parameters: { realm: 'b' } },
    ],
  );
  t.deepEqual(parseChallenges('Negotiate, Basic'), [
    { scheme: 'negotiate', parameters: {} },
    { scheme: 'basic', parameters: {} },
  ]);
  t.deepEqual(parseChallenges('"'.repeat(10_000)), []);
  t.deepEqual(parseChallenges(''), []);
});
