import { request as plainRequest } from 'node:http';
import { connect } from 'node:net';
import test from 'ava';
import { limits } from '../../src/limits.ts';
import { ask, knownImages, podOf, reviewOf, type StartedWebhook, startForTest } from './webhook-under-test.ts';

let webhook: StartedWebhook;

test.before(async (t) => {
  t.timeout(600_000, 'compiling the policies takes a while on the first run');
  webhook = await startForTest(knownImages({}));
});

test.after.always(async () => {
  await webhook?.drain();
});

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  path = '/validate',
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${webhook.url}${path}`, { method: 'POST', body });
  return { status: response.status, text: await response.text() };
}

for (const [what, body] of [
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['half a review', '{"kind":"AdmissionReview","request":{"uid":"1"'],
  ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
  ['JSON that is no object', '[1,2,3]'],
  ['null', 'null'],
  ['an object of another kind', '{"kind":"Pod","apiVersion":"v1"}'],
  ['a review without a request', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}'],
  ['a review without a uid', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{}}'],
  ['a uid that is no text', '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":7}}'],
  ['very deep JSON', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
] as const) {
  test(`${what}: 400, and the server stays up`, async (t) => {
    for (const path of ['/validate', '/mutate', '/gatekeeper/v1/validate']) {
      t.is((await post(body, path)).status, 400, path);
    }
    t.is((await fetch(`${webhook.url}/healthz`)).status, 200);
  });
}

test('a review of v1beta1 is refused by its uid, with what to do', async (t) => {
  const review = { ...reviewOf(podOf('x', null)), apiVersion: 'admission.k8s.io/v1beta1' };
  const answer = await ask(webhook, '/validate', review);
  t.like(answer, { uid: 'b9d9bd4c-0000-4000-8000-000000000001', allowed: false });
  t.regex(answer.status?.message ?? '', /admission\.k8s\.io\/v1 and got admission\.k8s\.io\/v1beta1/);
});

for (const [what, further] of [
  ['a missing object', { object: undefined }],
  ['an object that is null', { object: null }],
  ['an object that is a text', { object: 'pod' }],
  ['an operation that there is not', { operation: 'EXPLODE' }],
] as const) {
  test(`${what}: denied by its uid`, async (t) => {
    const answer = await ask(webhook, '/validate', reviewOf(podOf('x', null), further));
    t.like(answer, { uid: 'b9d9bd4c-0000-4000-8000-000000000001', allowed: false });
    t.is(answer.status?.code, 403);
  });
}

test('a kind that nobody knows has no pods and passes', async (t) => {
  const object = { apiVersion: 'example.com/v1', kind: 'Unheard', spec: { template: { spec: { containers: 7 } } } };
  t.true((await ask(webhook, '/validate', reviewOf(object))).allowed);
});

for (const [what, spec] of [
  ['containers that are a number', { containers: 7 }],
  ['containers of null', { containers: [null, 1, 'x', []] }],
  ['an image that is an object', { containers: [{ name: 'x', image: { evil: true } }] }],
  ['volumes that are a text', { containers: [{ name: 'x', image: 'bad ref !!' }], volumes: 'all' }],
  ['a container without an image', { containers: [{ name: 'x' }] }],
] as const) {
  test(`a pod with ${what} is not admitted`, async (t) => {
    const answer = await ask(webhook, '/validate', reviewOf({ apiVersion: 'v1', kind: 'Pod', spec }));
    t.is(answer.allowed, what === 'containers that are a number');
  });
}

for (const image of [
  'bad ref !!',
  'UPPER/case',
  'a@sha256:123',
  '',
  ' ',
  '../../etc/passwd',
  'http://x/y',
  'x\ny:1',
  `${'x'.repeat(5_000)}`,
]) {
  test(`an image reference that is none: ${JSON.stringify(image.slice(0, 20))}`, async (t) => {
    const answer = await ask(webhook, '/validate', reviewOf(podOf(image, null)));
    t.false(answer.allowed);
    t.notRegex((answer.status?.message ?? '').replaceAll('\n', ''), /\p{Cc}/u);
    t.true((answer.status?.message ?? '').length < 4_000);
  });
}

test('names with line breaks and escape sequences come back as text that does nothing', async (t) => {
  const review = reviewOf(podOf('bad ref !!', null), {
    name: 'a\u001b[2J\nadmitted: yes\r\u202e',
    namespace: 'b\u0007',
  });
  const { status } = await ask(webhook, '/validate', review);
  t.is(status?.message.split('\n')[0]?.includes('\\u001b'), true);
  t.notRegex(status?.message.replaceAll('\n', '') ?? '', /[\p{Cc}\u202e]/u);
});

test('a body of 10 MB is answered', async (t) => {
  const pod = podOf('bad ref !!', null, { padding: 'x'.repeat(10_000_000) });
  t.false((await ask(webhook, '/validate', reviewOf(pod))).allowed);
});

test('a body above the limit is refused before it is read', async (t) => {
  const { status } = await post('x'.repeat(limits.reviewBytes + 1));
  t.is(status, 413);
});

test('a thousand containers are answered in time, more than there can be are denied', async (t) => {
  const containers = (number: number) => ({
    containers: Array.from({ length: number }, (_, index) => ({ name: `c${index}`, image: `bad ref ${index}!` })),
  });
  // In the time that an API server gives: the webhook says when that is over, and not the clock of a busy machine.
  const full = await ask(
    webhook,
    '/validate?timeout=30s',
    reviewOf({ apiVersion: 'v1', kind: 'Pod', spec: containers(1_000) }),
  );
  t.false(full.allowed);
  t.notRegex(full.status?.message ?? '', /limit:|is being inspected/);
  const answer = await ask(webhook, '/validate', reviewOf({ apiVersion: 'v1', kind: 'Pod', spec: containers(5_000) }));
  t.regex(answer.status?.message ?? '', /limit: the pod has 5000 containers/);
});

test('fields of the prototype are no kinds', async (t) => {
  for (const kind of ['__proto__', 'constructor', 'toString']) {
    t.true((await ask(webhook, '/validate', reviewOf({ apiVersion: 'v1', kind, spec: {} }))).allowed);
  }
});

test('compressed bodies are not inflated', async (t) => {
  const response = await fetch(`${webhook.url}/validate`, {
    method: 'POST',
    headers: { 'content-encoding': 'gzip' },
    body: new Uint8Array([0x1f, 0x8b, 8, 0]),
  });
  t.is(response.status, 415);
});

for (const [method, path, status] of [
  ['GET', '/validate', 405],
  ['PUT', '/mutate', 405],
  ['GET', '/', 404],
  ['GET', '/../../etc/passwd', 404],
  ['POST', '/validate/x', 404],
] as const) {
  test(`${method} ${path}: ${status}`, async (t) => {
    t.is((await fetch(`${webhook.url}${path}`, { method })).status, status);
  });
}

test('a timeout that is none is taken for the default', async (t) => {
  for (const timeout of ['x', '-1s', '10', '99999999999s', '']) {
    const answer = await ask(webhook, `/validate?timeout=${timeout}`, reviewOf(podOf('bad ref !!', null)));
    t.false(answer.allowed);
  }
});

test('a client that breaks off harms nobody', async (t) => {
  await new Promise<void>((resolve) => {
    const request = plainRequest(`${webhook.url}/validate`, { method: 'POST', headers: { 'content-length': 1_000 } });
    request.on('error', () => resolve());
    request.write('{"kind":');
    setTimeout(() => request.destroy(new Error('enough')), 50);
  });
  t.is((await fetch(`${webhook.url}/healthz`)).status, 200);
});

test('a client that sends a byte a second loses its connection', async (t) => {
  t.timeout(60_000);
  const start = performance.now();
  await new Promise<void>((resolve) => {
    const socket = connect(webhook.port, '127.0.0.1');
    const slow = setInterval(() => socket.write('x'), 1_000);
    socket.write('POST /validate HTTP/1.1\r\nHost: x\r\nX-');
    socket.on('error', () => undefined);
    socket.resume();
    socket.on('close', () => {
      clearInterval(slow);
      resolve();
    });
  });
  t.true(performance.now() - start < 20_000);
});
