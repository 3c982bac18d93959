import test from 'ava';
import { nodeAnnotations, nodeFacts, publishedNodeProfiles } from '../../src/cluster/node-profile.ts';
import { directoryTree } from '../../src/image/directory.ts';
import { artifacts } from '../lab/lab.ts';

const pageAs = (permissions: string): string =>
  `7ffc0000-7ffd0000 rw-p 00000000 00:00 0  [stack]\nffffffffff600000-ffffffffff601000 ${permissions} 00000000 00:00 0                  [vsyscall]\n`;

test('a node states its architecture, how its kernel was booted, and its glibc', async (t) => {
  const lab = await artifacts(['root/debian-like', 'root/musl-like']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return;
  }
  const debian = directoryTree(lab.path['root/debian-like']);
  t.like(nodeFacts('x64', pageAs('r-xp'), debian), { architecture: 'amd64', vsyscall: 'emulate' });
  t.like(nodeFacts('x64', pageAs('--xp'), debian), { vsyscall: 'xonly' });
  t.like(nodeFacts('x64', '', debian), { vsyscall: 'none' });
  t.like(nodeFacts('arm64', '', debian), { architecture: 'arm64', vsyscall: null });
  t.regex(nodeFacts('x64', '', debian).glibc ?? '', /^2\.\d+$/);
  t.is(nodeFacts('x64', '', directoryTree(lab.path['root/musl-like'])).glibc, null);
});

test('what nodes publish is what profiles are made of; nonsense is left out', async (t) => {
  const facts = { architecture: 'amd64', vsyscall: 'none', glibc: '2.36' } as const;
  const node = (name: string, annotations: Readonly<Record<string, string>>) => ({
    metadata: { name, labels: { 'kubernetes.io/hostname': name }, annotations },
  });
  const pages = [
    { items: [node('a', nodeAnnotations(facts)), node('b', {})], metadata: { _continue: 'more' } },
    { items: [node('c', { 'node.elfgate.dev/vsyscall': 'maybe', 'node.elfgate.dev/glibc': 'x; rm' })], metadata: {} },
  ];
  const asked: unknown[] = [];
  const profiles = await publishedNodeProfiles({
    listNode: async (parameters) => {
      asked.push(parameters);
      return pages[asked.length - 1] ?? { items: [] };
    },
  });
  t.deepEqual(profiles, [
    { labels: { 'kubernetes.io/hostname': 'a' }, architectures: ['amd64'], vsyscall: 'none', glibc: '2.36' },
    { labels: { 'kubernetes.io/hostname': 'c' }, architectures: [], vsyscall: null, glibc: null },
  ]);
  t.deepEqual(asked, [{ limit: 200 }, { limit: 200, _continue: 'more' }]);
});
