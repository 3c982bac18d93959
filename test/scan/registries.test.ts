import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { mediaTypes } from '../../src/image/descriptor.ts';
import { emptyDirectory } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { startSecuredDistribution } from '../lab/registry-server.ts';
import { runScan } from './run-scan.ts';
import { pushSmallImages, watchedRegistry } from './watched-registry.ts';

const lab = await artifacts(['registry/referrers', 'registry/distribution', 'c/hello-static']);
// Facts of images that another run of this test has read must not be known: every run has layers of its own.
const run = Date.now();

test('a registry with TLS of its own authority and tokens is scanned with what a credential helper knows', async (t) => {
  if (!lab.available) {
    t.log(lab.reason);
    return t.pass();
  }
  const registry = await startSecuredDistribution(lab.path['registry/distribution']);
  t.teardown(registry.stop);
  const { host, ca, username, password } = registry;
  const program = lab.path['c/hello-static'];
  await pushSmallImages(
    host,
    ['a', 'b', 'team/c'].map((repository, index) => ({ repository, tag: '1', program, number: run + index })),
    {
      registries: [{ host, plainHttp: false, ca, mirrors: [] }],
      credentials: { credentialsFor: async () => ({ kind: 'password', username, password }) },
    },
  );
  const directory = emptyDirectory();
  writeFileSync(join(directory, 'ca.pem'), ca);
  const configuration = join(directory, 'elfgate.yaml');
  writeFileSync(
    configuration,
    `apiVersion: elfgate.dev/v1\nkind: Config\nregistries: [{ host: '${host}', ca: ca.pem }]\n`,
  );
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ credHelpers: { [host]: 'lab' } }));
  const helper = join(directory, 'docker-credential-lab');
  writeFileSync(helper, `#!/bin/sh\necho '${JSON.stringify({ Username: username, Secret: password })}'\n`);
  chmodSync(helper, 0o755);
  const state = join(directory, 'state.sqlite');
  const args = [host, '-o', 'jsonl', '--state', state, '--debug'];
  const environment = { DOCKER_CONFIG: directory, PATH: `${directory}:${process.env.PATH}` };

  const { exitCode, lines, stdout, stderr } = await runScan([...args, '-c', configuration], '', environment);
  t.is(exitCode, 0, stderr);
  t.deepEqual(lines.map(({ image, error }) => [image, error]).sort(), [
    [`${host}/a:1`, null],
    [`${host}/b:1`, null],
    [`${host}/team/c:1`, null],
  ]);
  t.false(`${stdout}${stderr}`.includes(password));

  const untrusted = await runScan(args, '', environment);
  t.is(untrusted.exitCode, 2);
  t.regex(untrusted.stderr, /cannot decide\[unreachable\]: .*: catalog: its certificate is not trusted \(/);
  const stranger = await runScan([...args, '-c', configuration], '', { DOCKER_CONFIG: emptyDirectory() });
  t.is(stranger.exitCode, 2);
  t.regex(stranger.stderr, /cannot decide\[denied\]: .*: not for anonymous visitors, or there is no such repository$/m);
});

test('a registry that does everything wrong: each image says what is wrong with it, and credentials are in no word of it', async (t) => {
  if (!lab.available) {
    t.log(lab.reason);
    return t.pass();
  }
  const registry = await watchedRegistry(lab.path['registry/referrers']);
  t.teardown(registry.stop);
  const program = lab.path['c/hello-static'];
  const repositories = ['dropped', 'foreign', 'fine', 'html', 'lying', 'schema1', 'trouble', 'unknown'];
  await pushSmallImages(
    registry.host,
    repositories.map((repository, index) => ({ repository, tag: '1', program, number: run + 100 + index })),
  );
  const password = 'hunter2-secret';
  const basic = `Basic ${Buffer.from(`scanner:${password}`).toString('base64')}`;
  const manifestOf = async (repository: string) =>
    JSON.parse(await (await fetch(`http://${registry.host}/v2/${repository}/manifests/1`)).text());
  const foreign = await manifestOf('foreign');
  foreign.layers[0].mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
  const layers = new Set((await Promise.all(repositories.map(manifestOf))).map((each) => each.layers[0].digest));
  registry.meddle = (request, response) => {
    const [, repository = '', kind = ''] = /^\/v2\/(\w+)\/(\w+)/.exec(request.url ?? '') ?? [];
    // A server that shows what it was sent, as debugging proxies do.
    const echo = `${request.headers.authorization} ${password}`;
    if (request.headers.authorization !== basic) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="lab"' }).end(echo);
      return true;
    }
    if (kind === 'blobs' && layers.has(request.url?.replace(/^.*\//, ''))) {
      switch (repository) {
        case 'trouble':
          response.writeHead(501, { 'x-echo': echo }).end(echo);
          return true;
        case 'dropped':
          response.writeHead(200, { 'content-length': '1000' }).flushHeaders();
          setImmediate(() => response.destroy());
          return true;
        case 'lying':
          response.end(`{"echo":"${echo}"}`);
          return true;
      }
    }
    if (kind === 'manifests') {
      switch (repository) {
        case 'html':
          response.writeHead(200, { 'content-type': 'text/html' }).end(`<p>${echo}</p>`);
          return true;
        case 'schema1':
          response.writeHead(200, { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' });
          response.end('{"schemaVersion":1}');
          return true;
        case 'unknown':
          response.writeHead(200, { 'content-type': 'application/vnd.example.unknown+json' }).end('{}');
          return true;
        case 'foreign':
          response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(JSON.stringify(foreign));
          return true;
      }
    }
    return false;
  };
  const directory = emptyDirectory();
  const auths = { [registry.host]: { auth: Buffer.from(`scanner:${password}`).toString('base64') } };
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ auths }));
  const states = emptyDirectory();
  const { exitCode, lines, stdout, stderr } = await runScan(
    [registry.host, '-o', 'jsonl', '--state', join(states, 'state.sqlite'), '--debug'],
    '',
    { DOCKER_CONFIG: directory },
  );
  t.is(exitCode, 2);
  const errors = new Map(
    lines.map(({ image, error }) => [
      image.replace(`${registry.host}/`, ''),
      error
        ?.replaceAll(registry.host, 'HOST')
        .replaceAll(/sha256:[0-9a-f]{64}/g, 'DIGEST')
        .replace(/\b\d{5,}\b/, 'SIZE') ?? null,
    ]),
  );
  t.deepEqual(Object.fromEntries(errors), {
    'dropped:1': 'HOST/dropped@DIGEST: layer 1 (DIGEST): breaks off again and again, at byte 0 of SIZE',
    'fine:1': null,
    'foreign:1':
      'HOST/foreign@DIGEST: layer 1 (DIGEST) is a foreign layer, which its maker keeps elsewhere (Windows base images do)',
    'html:1': 'HOST/html: answers with a web page instead of a manifest',
    'lying:1': 'HOST/lying@DIGEST: layer 1 (DIGEST): has 64 bytes where SIZE were promised',
    'schema1:1': 'HOST/schema1:1: manifest DIGEST: is an image of schema 1, which registries no longer take',
    'trouble:1': 'HOST/trouble@DIGEST: layer 1 (DIGEST): answers with status 501',
    'unknown:1': 'HOST/unknown:1: manifest DIGEST: is application/vnd.example.unknown+json, and no image or index',
  });
  const kept = readdirSync(states).map((name) => readFileSync(join(states, name), 'latin1'));
  for (const text of [stdout, stderr, ...kept]) {
    t.false(text.includes(password) || text.includes(basic.slice('Basic '.length)));
  }
});
