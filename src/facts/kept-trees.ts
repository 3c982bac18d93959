import { NotKeptError } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';
import { decodeKeptRoot } from '../image/kept-root.ts';
import { type DirectoryNode, lookUp } from '../image/layers/merged-tree.ts';
import { nodeTree } from '../image/layers/node-tree.ts';
import { type MountedNode, mountAll } from '../image/mounts.ts';
import type { InspectedTarget, TargetMount } from './inspected-target.ts';
import type { TargetPairs } from './plugin-pairs.ts';

/**
 * The roots of images that have a host of plugins in other targets, or plugins of other targets' hosts, as far as they were
 * kept; by the names of the targets. With what the container of a pod has mounted over them.
 */
export async function keptTrees(
  targets: readonly InspectedTarget[],
  pairs: readonly TargetPairs[],
): Promise<ReadonlyMap<string, FileTree>> {
  const meeting = new Set(
    targets.flatMap(({ name }, index) =>
      (pairs[index]?.facts ?? []).flatMap(({ host }) => (host.target === name ? [] : [host.target, name])),
    ),
  );
  const trees = new Map<string, FileTree>();
  for (const target of targets) {
    const root = meeting.has(target.name) ? await rootOf(target) : null;
    const mounted = root === null ? null : await withMounts(root, target.mounts ?? [], targets);
    if (mounted !== null) {
      trees.set(target.name, nodeTree(mounted));
    }
  }
  return trees;
}

async function rootOf({ keptRoot }: InspectedTarget): Promise<DirectoryNode | null> {
  const bytes = (await keptRoot?.read()) ?? null;
  return bytes === null ? null : decodeKeptRoot(bytes);
}

/** `null` where it cannot be told what the container sees. */
async function withMounts(
  root: DirectoryNode,
  mounts: readonly TargetMount[],
  targets: readonly InspectedTarget[],
): Promise<DirectoryNode | null> {
  const nodes: MountedNode[] = [];
  for (const { path, target, subPath } of mounts) {
    const holder = targets.find(({ name }) => name === target);
    // Its own copy: what is mounted below it changes it.
    const mounted = holder === undefined ? null : await rootOf(holder);
    nodes.push({ path, node: mounted === null ? null : nodeAt(mounted, subPath) });
  }
  try {
    mountAll(root, nodes);
    return root;
  } catch (error) {
    if (error instanceof NotKeptError) {
      return null;
    }
    throw error;
  }
}

function nodeAt(root: DirectoryNode, subPath: string | null): MountedNode['node'] {
  return subPath === null ? root : (lookUp(root, subPath)?.node ?? null);
}
