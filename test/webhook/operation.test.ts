import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import test from 'ava';
import { withoutSecrets } from '../../webhook/decision-log.ts';
import { warningsOf } from '../../webhook/message-text.ts';
import { certificates } from '../lab/registry-server.ts';
import { ask, knownImages, podOf, reviewOf, startForTest } from './webhook-under-test.ts';

const image = 'registry.example.com/tools:1';

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) {
      throw new Error('it did not come to that within 20 s');
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test.serial('a burst of 200 reviews for one image that nobody has seen fetches it once', async (t) => {
  const images = knownImages({ [image]: {} });
  images.delay = 200;
  const webhook = await startForTest(images);
  t.teardown(() => webhook.drain());
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => ask(webhook, '/validate?timeout=10s', reviewOf(podOf(image, null)))),
  );
  t.true(answers.every(({ allowed }) => allowed));
  t.deepEqual([...images.inspected.values()], [1]);
});

test.serial(
  'an image that takes longer than the API server waits: denied in time, inspected on, admitted at the next try',
  async (t) => {
    const images = knownImages({ [image]: {} });
    images.delay = 1_500;
    const webhook = await startForTest(images);
    t.teardown(() => webhook.drain());
    const start = performance.now();
    const first = await ask(webhook, '/validate?timeout=1s', reviewOf(podOf(image, null)));
    t.true(performance.now() - start < 1_000);
    t.false(first.allowed);
    t.regex(first.status?.message ?? '', /tools:1: the image is being inspected, which goes on; try again in a moment/);
    await until(() => webhook.facts.statistics().kept === 1);
    t.true((await ask(webhook, '/validate?timeout=1s', reviewOf(podOf(image, null)))).allowed);
    t.deepEqual([...images.inspected.values()], [1]);
  },
);

test.serial('draining: readiness goes first, reviews in flight are answered, and nothing is left', async (t) => {
  const images = knownImages({ [image]: {} });
  images.delay = 700;
  const webhook = await startForTest(images, {
    timing: {
      reloadInterval: 50,
      certificateInterval: 50,
      nodeInterval: 50,
      drainDelay: 300,
      drainTime: 5_000,
      inspectionTime: 60_000,
    },
  });
  t.teardown(() => webhook.drain());
  t.is((await fetch(`${webhook.url}/readyz`)).status, 200);
  const reviews = Array.from({ length: 20 }, () => ask(webhook, '/validate', reviewOf(podOf(image, null))));
  await until(() => webhook.facts.statistics().inspecting === 1);
  const drained = webhook.drain();
  t.is((await fetch(`${webhook.url}/readyz`)).status, 503);
  t.is((await fetch(`${webhook.url}/healthz`)).headers.get('connection'), 'close');
  const answers = await Promise.all(reviews);
  t.true(answers.every(({ allowed }) => allowed));
  await drained;
  await t.throwsAsync(fetch(`${webhook.url}/healthz`));
});

test.serial(
  'a configuration is read again when it changes; a wrong one is rejected, told, and changes nothing',
  async (t) => {
    const file = join(mkdtempSync(join(tmpdir(), 'elfgate-config-')), 'elfgate.yaml');
    const put = (text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    const start = 'apiVersion: elfgate.dev/v1\nkind: Config\n';
    put(start);
    const webhook = await startForTest(knownImages({}), { configurationFile: file });
    t.teardown(() => webhook.drain());
    const isAllowed = async () => (await ask(webhook, '/validate', reviewOf(podOf('bad ref !!', null)))).allowed;
    t.false(await isAllowed());
    put(`${start}admission: { failure: open }\n`);
    await until(() => webhook.records.some(({ event }) => event === 'reloaded'));
    t.true(await isAllowed());
    put(`${start}admission: { failure: perhaps }\n`);
    await until(() => webhook.records.some(({ event }) => event === 'reload-rejected'));
    t.true(await isAllowed());
    const metrics = await (await fetch(`${webhook.url}/metrics`)).text();
    t.regex(metrics, /elfgate_reloads_total\{what="configuration",result="rejected"\} 1/);
  },
);

/** Status of a GET, or POST of a review, over TLS. */
function tlsStatus(port: number, path: string, options: object): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const method = path === '/healthz' ? 'GET' : 'POST';
    const asking = request({ host: '127.0.0.1', port, path, method, agent: false, ...options }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.on('error', reject);
    asking.end(method === 'POST' ? JSON.stringify(reviewOf(podOf('bad ref !!', null))) : undefined);
  });
}

test.serial(
  'reviews need a client certificate where that is asked for; probes do not; old TLS is refused',
  async (t) => {
    const [server, client, stranger] = await Promise.all([certificates(), certificates(), certificates()]);
    const directory = mkdtempSync(join(tmpdir(), 'elfgate-tls-'));
    const files = {
      certificate: join(directory, 'tls.crt'),
      key: join(directory, 'tls.key'),
      clientAuthorities: join(directory, 'ca.crt'),
    };
    writeFileSync(files.certificate, server.certificate);
    writeFileSync(files.key, server.key);
    writeFileSync(files.clientAuthorities, client.ca);
    const webhook = await startForTest(knownImages({}), { tls: { from: 'files', files } });
    t.teardown(() => webhook.drain());
    const { ca } = server;
    t.is(await tlsStatus(webhook.port, '/healthz', { ca }), 200);
    t.is(await tlsStatus(webhook.port, '/validate', { ca }), 403);
    t.is(await tlsStatus(webhook.port, '/validate', { ca, cert: stranger.certificate, key: stranger.key }), 403);
    await t.throwsAsync(tlsStatus(webhook.port, '/healthz', { ca: stranger.ca }));
    await t.throwsAsync(tlsStatus(webhook.port, '/healthz', { ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' }));

    const next = await certificates();
    writeFileSync(files.key, next.key);
    writeFileSync(files.certificate, next.certificate);
    await until(() => webhook.records.some(({ event, what }) => event === 'reloaded' && what === 'certificate'));
    t.is(await tlsStatus(webhook.port, '/healthz', { ca: next.ca }), 200);

    writeFileSync(files.certificate, 'not a certificate');
    await until(() => webhook.records.some(({ event, what }) => event === 'reload-rejected' && what === 'certificate'));
    t.is(await tlsStatus(webhook.port, '/healthz', { ca: next.ca }), 200, 'the one before stays');
    const socket = connect({ port: webhook.port, host: '127.0.0.1', ca: next.ca });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    t.regex(socket.getProtocol() ?? '', /^TLSv1\.[23]$/);
    socket.destroy();
  },
);

test.serial('warnings stay within what the API server hands on', (t) => {
  const many = Array.from(
    { length: 500 },
    (_, index) => `warning ${index}\nwith a \u001b[31mline break ${'x'.repeat(200)}`,
  );
  const warnings = warningsOf([...many, ...many]);
  t.true(warnings.every((warning) => warning.length <= 120 && !/\p{Cc}/u.test(warning)));
  t.true(warnings.join('').length <= 4_096);
  t.regex(warnings.at(-1) ?? '', /^elfgate: \d+ more warnings; see the log of the webhook$/);
  t.deepEqual(warningsOf(['a', 'a', 'b']), ['a', 'b']);
});

test.serial('secrets of addresses, headers and tokens are masked in the log', (t) => {
  t.is(withoutSecrets('GET https://user:pw@registry.example.com/v2/'), 'GET https://***@registry.example.com/v2/');
  t.is(withoutSecrets('Authorization: Bearer abcdefghijklmnop'), 'Authorization: Bearer ***');
  t.is(withoutSecrets('https://blob.example.com/x?sig=abc&x=1'), 'https://blob.example.com/x?sig=***&x=1');
  t.is(withoutSecrets('token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc'), 'token ***');
});
