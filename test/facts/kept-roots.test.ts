import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import test from 'ava';
import { openFile } from '../../src/bytes/byte-source.ts';
import { NotKeptError } from '../../src/errors.ts';
import { inspectTree } from '../../src/facts/inspect-tree.ts';
import type { InspectedTarget } from '../../src/facts/inspected-target.ts';
import { keepRoot } from '../../src/facts/kept-roots.ts';
import { noLinkage } from '../../src/facts/no-linkage.ts';
import { pluginPairs } from '../../src/facts/plugin-pairs.ts';
import { predictOpenings } from '../../src/facts/plugin-sequences.ts';
import { decodeKeptRoot } from '../../src/image/kept-root.ts';
import { type DirectoryNode, emptyRoot, type FileNode, type TreeNode } from '../../src/image/layers/merged-tree.ts';
import { nodeTree } from '../../src/image/layers/node-tree.ts';
import { mountAll } from '../../src/image/mounts.ts';
import { type ArtifactName, artifactNames, artifacts } from '../lab/lab.ts';

/** A root of files of this machine, as the layers of an image make one up. */
function rootOf(files: Readonly<Record<string, string>>): DirectoryNode {
  const root = emptyRoot();
  for (const [path, from] of Object.entries(files)) {
    const { size, mode } = statSync(from);
    // As the large ones of an image are, and not in memory: less is read of them.
    const source = openFile(from);
    const content = { size, source: () => source };
    put(root, path, { kind: 'file', mode: mode & 0o777, size, layer: 0, content, start: null });
  }
  return root;
}

function put(root: DirectoryNode, path: string, node: TreeNode): void {
  const elements = path.split('/');
  const name = elements.pop() ?? '';
  let directory = root;
  for (const element of elements) {
    const child = directory.children.get(element) ?? emptyRoot();
    directory.children.set(element, child);
    directory = child as DirectoryNode;
  }
  directory.children.set(name, node);
}

function inspected(root: DirectoryNode): InspectedTarget & { readonly kept: Buffer | null } {
  const tree = { ...nodeTree(root), root, close() {} };
  const { binaries, problems } = inspectTree(tree, { symbols: 'counted' });
  return {
    name: 'root',
    role: null,
    kind: 'image',
    digest: null,
    meeting: { platform: null, container: null },
    binaries,
    problems,
    tree,
    root: null,
    linkage: noLinkage,
    image: null,
    launch: null,
    openings: null,
    kept: keepRoot(tree, binaries),
  };
}

const libc = (name: string): Readonly<Record<string, string>> => ({
  'lib64/ld-linux-x86-64.so.2': realpathSync('/lib64/ld-linux-x86-64.so.2'),
  [`lib/x86_64-linux-gnu/${name}`]: realpathSync(`/lib/x86_64-linux-gnu/${name}`),
});

const hosts = ['go/host', 'go/host-pie', 'go/host-without-sections', 'go/host@1.19', 'go/host@1.22'] as const;
const plugins = artifactNames.filter((name) => name.startsWith('go/plugin'));

for (const host of hosts) {
  test(`${host}: what is kept of a root tells what plugin.Open does as the root itself does`, async (t) => {
    t.timeout(600_000, 'building real binaries takes minutes on the first run');
    // All of them for one host; for the others one of each kind.
    const opened = host === 'go/host' ? plugins : plugins.filter((_, index) => index % 4 === 0);
    const lab = await artifacts([host, 'c/absent', ...opened] as readonly ArtifactName[]);
    if (!lab.available) {
      t.log(`not run: ${lab.reason}`);
      return t.pass();
    }
    const { path }: { path: Readonly<Partial<Record<ArtifactName, string>>> } = lab;
    const root = rootOf({
      ...libc('libc.so.6'),
      'usr/bin/host': path[host] ?? '',
      ...Object.fromEntries(
        opened.map((name) => [`plugins/${name.replace('/', '-')}/${basename(path[name] ?? '')}`, path[name] ?? '']),
      ),
    });
    const { kept, ...target } = inspected(root);
    const pairs = pluginPairs([target]);
    const whole = await predictOpenings([target], pairs, new Map());
    const restored = decodeKeptRoot(kept ?? Buffer.alloc(0));
    t.truthy(restored);
    const fromKept = await predictOpenings(
      [{ ...target, tree: null }],
      pairs,
      new Map([['root', nodeTree(restored ?? emptyRoot())]]),
    );
    t.deepEqual(fromKept, whole);
    t.true(whole.alone.size >= opened.length);
    t.is(whole.alone.size, pairs[0]?.facts.length ?? 0);
    const reasons = new Set([...whole.alone.values()].map(({ reason }) => reason));
    if (host === 'go/host') {
      const all = ['compatible', 'package-hash-mismatch', 'undefined-symbol', 'library-not-found', 'module-data-size'];
      t.deepEqual(
        all.filter((reason) => !reasons.has(reason)),
        [],
      );
    }
  });
}

test('a plugin that needs a file which was not kept is not known, and is never said to load or to fail', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-missing-library', 'c/absent']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const { path } = lab;
  const files = {
    ...libc('libc.so.6'),
    'usr/bin/host': path['go/host'],
    'plugins/needy.so': path['go/plugin-missing-library'],
  };
  const outcomes = async (root: DirectoryNode) => {
    const { kept, ...target } = inspected(root);
    const restored = decodeKeptRoot(kept ?? Buffer.alloc(0)) ?? emptyRoot();
    const roots = new Map([['root', nodeTree(restored)]]);
    const { alone } = await predictOpenings([{ ...target, tree: null }], pluginPairs([target]), roots);
    return [...alone.values()].map(({ outcome, reason }) => [outcome, reason]);
  };
  t.deepEqual(await outcomes(rootOf(files)), [['fails', 'library-not-found']]);
  const withLibrary = rootOf({ ...files, 'usr/lib/libabsent.so': path['c/absent'] });
  t.deepEqual(await outcomes(withLibrary), [['loads', 'compatible']]);
  // A file of that name whose bytes nobody kept.
  const unread = rootOf(files);
  const node: FileNode = { kind: 'file', mode: 0o644, size: 15_000, layer: 0, content: null, start: Buffer.alloc(8) };
  put(unread, 'usr/lib/libabsent.so', node);
  t.deepEqual(await outcomes(unread), []);
  const hidden = rootOf(files);
  mountAll(hidden, [{ path: '/usr/lib', node: null }]);
  const target = inspected(rootOf(files));
  const roots = new Map([['root', nodeTree(hidden)]]);
  const { alone } = await predictOpenings([{ ...target, tree: null }], pluginPairs([target]), roots);
  t.deepEqual([...alone.values()], []);
});

test('a root keeps its paths, links and modes, and gives no byte that was not kept', (t) => {
  const root = rootOf({ 'usr/bin/env': realpathSync('/usr/bin/env') });
  put(root, 'bin', { kind: 'link', target: 'usr/bin' });
  put(root, '__proto__', { kind: 'link', target: '/bin/env' });
  put(root, 'dev/null', { kind: 'other', mode: 0o666 });
  const kept = keepRoot({ ...nodeTree(root), root, close() {} }, []) ?? Buffer.alloc(0);
  const tree = nodeTree(decodeKeptRoot(kept) ?? emptyRoot());
  const whole = nodeTree(root);
  for (const path of ['bin/env', '__proto__', 'dev/null', 'usr', 'usr/bin/env/x', 'absent', 'bin/../../bin']) {
    t.deepEqual(tree.resolve(path), whole.resolve(path), path);
  }
  t.deepEqual([...tree.entries()], [...whole.entries()]);
  const source = tree.open('usr/bin/env');
  t.is(source.size, statSync('/usr/bin/env').size);
  t.throws(() => source.read(0, 4), { instanceOf: NotKeptError });
  t.throws(() => source.read(source.size, 1), { message: /lie outside the file/ });
  for (const damaged of [Buffer.alloc(0), kept.subarray(0, kept.length / 2), Buffer.from('no such thing')]) {
    t.is(decodeKeptRoot(damaged), null);
  }
});
