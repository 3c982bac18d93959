/** Images of whole roots, pushed and pulled for real, against what crane and skopeo make of them. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { inspectDirectory } from '../../../src/facts/inspect-directory.ts';
import { inspectImages } from '../../../src/facts/inspect-image.ts';
import type { ImageAccess, InspectedTarget } from '../../../src/facts/inspected-target.ts';
import { directoryTree } from '../../../src/image/directory.ts';
import type { FileTree } from '../../../src/image/file-tree.ts';
import { imageSourceOf } from '../../../src/image/image-source.ts';
import type { ImageTree } from '../../../src/image/layers/image-tree.ts';
import { openImages } from '../../../src/image/open-images.ts';
import { registryClient } from '../../../src/image/registry/client.ts';
import { anonymous } from '../../../src/image/registry/credentials.ts';
import { emptyDirectory } from '../../cli/run-cli.ts';
import { artifacts } from '../../lab/lab.ts';
import { runProgram } from '../../lab/process.ts';
import { crane, startReferrersRegistry } from '../../lab/registry-server.ts';
import { contentOf, sha256Of, treeOf } from './made-image.ts';

const directory = emptyDirectory();
const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });

test.after.always(() => {
  registries.close();
  rmSync(directory, { recursive: true, force: true });
});

const access: ImageAccess = { platform: null, registries, temporaryDirectory: directory, store: null };

function sourceOf(target: string) {
  const source = imageSourceOf(target, existsSync);
  if (source === null) {
    throw new Error(`${target} names no image`);
  }
  return source;
}

async function inspected(target: string): Promise<InspectedTarget> {
  const [first, ...others] = await inspectImages(
    { name: target, role: null },
    sourceOf(target),
    { symbols: 'counted' },
    access,
  );
  if (first === undefined || others.length > 0) {
    throw new Error(`${target}: ${others.length} images more than one`);
  }
  return first;
}

/** What can be compared: an image's facts with those of a directory that holds the same files. */
function comparable({ binaries, problems, root }: Pick<InspectedTarget, 'binaries' | 'problems' | 'root'>) {
  return { binaries: binaries.map(({ facts }) => ({ ...facts, layer: null })), problems, root };
}

function filesOf(tree: FileTree): readonly string[] {
  return [...tree.entries()].map((entry) => (entry.kind === 'file' ? `${entry.path} ${entry.size}` : entry.message));
}

/** The files of an image whose bytes are kept. */
function keptOf(tree: ImageTree) {
  return [...tree.entries()].flatMap((entry) =>
    entry.kind === 'file' && tree.contentOf(entry.path) !== null
      ? [{ path: entry.path, layer: entry.layer, sha256: sha256Of(contentOf(tree, entry.path)) }]
      : [],
  );
}

/** What only one of two lists holds. */
function differences(ours: readonly string[], theirs: readonly string[]): readonly string[] {
  const [mine, other] = [new Set(ours), new Set(theirs)];
  return [
    ...ours.filter((line) => !other.has(line)).map((line) => `only elfgate: ${line}`),
    ...theirs.filter((line) => !mine.has(line)).map((line) => `only crane: ${line}`),
  ];
}

/** Paths of all symbolic links of a directory. */
function linksOf(root: string): readonly string[] {
  const found = execFileSync('find', ['.', '-type', 'l', '-printf', '%P\\0'], { cwd: root, maxBuffer: 64 << 20 });
  return found.toString().split('\0').slice(0, -1);
}

test('a release over the one before it: crane, skopeo and elfgate see the same files, links, bytes and facts', async (t) => {
  t.timeout(900_000, 'roots of two releases are fetched on the first run');
  const lab = await artifacts(['debian/bookworm', 'image/upgraded', 'registry/referrers', 'registry/crane']);
  if (!lab.available) {
    return t.log(`not run: ${lab.reason}`);
  }
  const registry = await startReferrersRegistry(lab.path['registry/referrers']);
  t.teardown(registry.stop);
  const name = `${registry.host}/roots/debian:upgraded`;
  await crane(lab.path['registry/crane'], ['push', '--insecure', lab.path['image/upgraded'], name]);

  // crane lays the layers over each other, and GNU tar makes files of them.
  const exported = join(directory, 'exported');
  mkdirSync(exported);
  await crane(lab.path['registry/crane'], ['export', '--insecure', name, `${exported}.tar`]);
  await runProgram('/usr/bin/tar', ['-C', exported, '-xf', `${exported}.tar`], { timeout: 120_000 });
  const theirs = directoryTree(exported);

  const [image] = await openImages(sourceOf(name), { platform: null, registries });
  if (image === undefined) {
    return t.fail('there is no image');
  }
  const ours = await treeOf(image, { temporaryDirectory: directory });
  // Two names of one file in the lower layer; the upper one replaces the first. crane's archive says that the second
  // name is a hard link to the first, and so gives it the new file, where a container still has the old one.
  const second = 'usr/bin/perl5.36.0';
  t.deepEqual(
    differences(filesOf(ours), filesOf(theirs)).map((line) => line.replace(/\d+$/, '')),
    [`only elfgate: ${second} `, `only crane: ${second} `],
  );
  const old = join(lab.path['debian/bookworm'], second);
  t.is(sha256Of(contentOf(ours, second)), sha256Of(readFileSync(old)));
  rmSync(join(exported, second));
  copyFileSync(old, join(exported, second));
  const links = linksOf(exported);
  t.true(links.length > 500);
  for (const path of ['', 'dev/null', ...links]) {
    t.deepEqual(ours.resolve(path), theirs.resolve(path), path);
  }
  const kept = keptOf(ours);
  t.true(kept.length > 600);
  t.deepEqual([...new Set(kept.map(({ layer }) => layer))].sort(), [0, 2]);
  for (const { path, sha256 } of kept) {
    t.is(sha256, sha256Of(readFileSync(join(exported, path))), path);
  }
  ours.close();

  const facts = await inspected(name);
  t.deepEqual(comparable(facts), comparable(inspectDirectory({ name: exported, role: null }, { symbols: 'counted' })));
  t.is(facts.root?.libc?.kind, 'glibc');
  t.is(facts.launch?.executable, 'usr/bin/bash');

  // What skopeo pulls, with layers that it packs anew.
  if (!existsSync('/usr/bin/skopeo')) {
    return t.log('skopeo is not on this machine: apt-get install skopeo');
  }
  const target = `oci:${join(directory, 'layout')}:zstd`;
  const packing = ['--dest-compress-format', 'zstd', '--dest-compress-level', '1'];
  const { exitCode, stderr } = await runProgram(
    '/usr/bin/skopeo',
    ['copy', '--insecure-policy', '--src-tls-verify=false', ...packing, `docker://${name}`, target],
    { timeout: 240_000, environment: { HOME: directory, PATH: '/usr/bin' } },
  );
  t.is(exitCode, 0, stderr);
  const [pulled] = await openImages(sourceOf(target), { platform: null, registries });
  t.true(pulled?.layers.every(({ mediaType }) => mediaType.endsWith('+zstd')));
  const again = pulled === undefined ? null : await treeOf(pulled, { temporaryDirectory: directory });
  t.deepEqual(again === null ? null : keptOf(again), kept);
  again?.close();
});

test('the root of musl, pushed by crane and pulled by skopeo', async (t) => {
  const lab = await artifacts(['image/musl', 'root/musl-like', 'registry/referrers', 'registry/crane']);
  if (!lab.available) {
    return t.log(`not run: ${lab.reason}`);
  }
  const registry = await startReferrersRegistry(lab.path['registry/referrers']);
  t.teardown(registry.stop);
  const name = `${registry.host}/roots/musl:1`;
  await crane(lab.path['registry/crane'], ['push', '--insecure', lab.path['image/musl'], name]);
  const facts = await inspected(name);
  const fromDirectory = inspectDirectory({ name: lab.path['root/musl-like'], role: null }, { symbols: 'counted' });
  t.deepEqual(comparable(facts), comparable(fromDirectory));
  t.is(facts.root?.libc?.kind, 'musl');
  t.is(facts.launch?.executable, 'bin/hello');
  t.deepEqual([...new Set(facts.binaries.map((binary) => binary.facts.layer))], [0]);
});
