import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { imageSourceOf } from '../../src/image/image-source.ts';
import { formatReference, parseReference } from '../../src/image/reference.ts';

const digest = `sha256:${'a1'.repeat(32)}`;

const whole: readonly (readonly [text: string, whole: string])[] = [
  ['debian', 'docker.io/library/debian:latest'],
  ['debian:12', 'docker.io/library/debian:12'],
  ['team/app', 'docker.io/team/app:latest'],
  ['index.docker.io/debian', 'docker.io/library/debian:latest'],
  ['docker.io/debian', 'docker.io/library/debian:latest'],
  ['localhost/app', 'localhost/app:latest'],
  ['localhost:5000/app', 'localhost:5000/app:latest'],
  ['Registry/app', 'Registry/app:latest'],
  ['registry.example.com/a/b/c:v1', 'registry.example.com/a/b/c:v1'],
  ['[::1]:5000/app', '[::1]:5000/app:latest'],
  [`debian@${digest}`, `docker.io/library/debian@${digest}`],
  [`registry.example.com/app:1@${digest}`, `registry.example.com/app:1@${digest}`],
  ['a__b/c-_d'.replace('-_', '--'), 'docker.io/a__b/c--d:latest'],
];

for (const [text, expected] of whole) {
  test(`${text} is ${expected}`, (t) => {
    const reference = parseReference(text);
    t.is(formatReference(reference), expected);
    t.deepEqual(parseReference(formatReference(reference)), reference);
  });
}

const invalid = [
  '',
  ':tag',
  'team/App',
  'a..b/c',
  'registry.example.com/',
  'registry.example.com/app:',
  'registry.example.com/app:a b',
  `registry.example.com/app:${'t'.repeat(129)}`,
  'app@sha256:12',
  'app@md5:d41d8cd98f00b204e9800998ecf8427e',
  'a1'.repeat(32),
  'http://registry.example.com/app',
  'user:secret@registry.example.com/app',
  '-a.example.com/app',
  `registry.example.com/${'a/'.repeat(200)}b`,
  'x'.repeat(100_000),
  `${'a-'.repeat(500)}!`,
  '../../etc/passwd',
];

for (const text of invalid) {
  test(`${text.slice(0, 60) || 'an empty text'} (${text.length} characters) is no reference`, (t) => {
    const error = t.throws(() => parseReference(text), { instanceOf: ElfgateError });
    t.is(error.code, 'usage');
  });
}

test('a target is read as an image where it cannot be a path', (t) => {
  const exists = (path: string): boolean => path === 'registry.d/app' || path === '/images/a:b.tar';
  const debian = { registry: 'docker.io', repository: 'library/debian', tag: '12', digest: null };
  t.deepEqual(imageSourceOf('debian:12', exists), { kind: 'registry', reference: debian });
  t.deepEqual(imageSourceOf('registry:debian:12', exists), { kind: 'registry', reference: debian });
  t.is(imageSourceOf('debian', exists), null, 'a mistyped path is not looked for in a registry');
  t.is(imageSourceOf('./debian:12', exists), null);
  t.is(imageSourceOf('/usr/bin/x', exists), null);
  t.is(imageSourceOf('registry.d/app', exists), null, 'what exists is a path');
  t.is(imageSourceOf('pid:1', exists), null);
  t.is(imageSourceOf('manifest:pod.yaml', exists), null);
  t.deepEqual(imageSourceOf('oci:/dir', exists), { kind: 'oci', directory: '/dir', select: null });
  t.deepEqual(imageSourceOf('oci:/dir:1.2', exists), { kind: 'oci', directory: '/dir', select: '1.2' });
  t.deepEqual(imageSourceOf('oci:/a:b/dir', exists), { kind: 'oci', directory: '/a:b/dir', select: null });
  t.deepEqual(imageSourceOf(`oci:/dir@${digest}`, exists), { kind: 'oci', directory: '/dir', select: digest });
  t.deepEqual(imageSourceOf('oci-archive:x.tar', exists), { kind: 'oci-archive', file: 'x.tar' });
  t.deepEqual(imageSourceOf('docker-archive:x.tar:app:1', exists), {
    kind: 'docker-archive',
    file: 'x.tar',
    select: 'app:1',
  });
  t.deepEqual(imageSourceOf('docker-archive:/images/a:b.tar', exists), {
    kind: 'docker-archive',
    file: '/images/a:b.tar',
    select: null,
  });
  t.throws(() => imageSourceOf('oci:', exists), { instanceOf: ElfgateError });
});
