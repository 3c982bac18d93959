import test from 'ava';
import { NotKeptError } from '../../src/errors.ts';
import { type DirectoryNode, emptyRoot, type TreeNode } from '../../src/image/layers/merged-tree.ts';
import { nodeTree } from '../../src/image/layers/node-tree.ts';
import { mountAll } from '../../src/image/mounts.ts';

const file = (size: number): TreeNode => ({ kind: 'file', mode: 0o644, size, layer: 0, content: null, start: null });
const link = (target: string): TreeNode => ({ kind: 'link', target });
const directory = (children: Readonly<Record<string, TreeNode>>): DirectoryNode => ({
  ...emptyRoot(),
  children: new Map(Object.entries(children)),
});

/** A root whose /lib is a link, as those of Debian. */
const root = (): DirectoryNode =>
  directory({
    lib: link('usr/lib'),
    away: link('/no/such/place'),
    usr: directory({ lib: directory({ 'libc.so.6': file(1) }), bin: directory({ gateway: file(2) }) }),
  });
const volume = (): DirectoryNode => directory({ 'audit.so': file(3), lib: link('/usr/lib') });

test('what is mounted is seen instead of what was there, and its links lead through the root that it is mounted into', (t) => {
  const mounted = root();
  mountAll(mounted, [
    { path: '/usr/bin/', node: volume() },
    { path: '/plugins/./go', node: volume() },
  ]);
  const tree = nodeTree(mounted);
  t.is(tree.resolve('/usr/bin/gateway'), null);
  t.is(tree.resolve('/usr/bin/audit.so')?.path, 'usr/bin/audit.so');
  t.is(tree.resolve('/plugins/go/audit.so')?.path, 'plugins/go/audit.so');
  t.is(tree.resolve('/plugins/go/lib/libc.so.6')?.path, 'usr/lib/libc.so.6');
});

test('a path with links is mounted over where they lead', (t) => {
  const mounted = root();
  mountAll(mounted, [{ path: '/lib', node: null }]);
  const tree = nodeTree(mounted);
  t.throws(() => tree.resolve('/usr/lib/libc.so.6'), { instanceOf: NotKeptError });
  t.throws(() => tree.resolve('/lib/libc.so.6'), { instanceOf: NotKeptError });
  t.is(tree.resolve('/usr/bin/gateway')?.kind, 'file');
  const into = root();
  mountAll(into, [{ path: '/lib/audit', node: volume() }]);
  t.is(nodeTree(into).resolve('/usr/lib/audit/audit.so')?.kind, 'file');
});

test('where nobody can tell what a container sees, nothing is told', (t) => {
  for (const path of ['/', '', '/away/plugins', '/usr/bin/gateway/plugins']) {
    t.throws(() => mountAll(root(), [{ path, node: volume() }]), { instanceOf: NotKeptError }, path);
  }
  const below = [
    { path: '/plugins/audit', node: volume() },
    { path: '/plugins', node: null },
  ];
  t.throws(() => mountAll(root(), below), { instanceOf: NotKeptError });
  const mounted = root();
  mountAll(mounted, [{ path: '/var/data', node: null }]);
  const tree = nodeTree(mounted);
  for (const path of ['/var/data', '/var/data/x', '/var/../var/data/x']) {
    t.throws(() => tree.resolve(path), { instanceOf: NotKeptError }, path);
  }
  t.is(tree.resolve('/var/other'), null);
});
