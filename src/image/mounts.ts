import { NotKeptError } from '../errors.ts';
import { type DirectoryNode, lookUp, type TreeNode } from './layers/merged-tree.ts';

/** Something that a container sees in its root instead of what its image has there. */
export interface MountedNode {
  /** Where, as the container sees it. */
  readonly path: string;
  /** What; `null` for what is not known. */
  readonly node: TreeNode | null;
}

/**
 * Mounts over a root as runtimes do: those of shorter paths first, links in them followed inside of the root, and
 * directories made where there are none. The root is changed.
 *
 * @throws NotKeptError where it cannot be told what the container sees then.
 */
export function mountAll(root: DirectoryNode, mounts: readonly MountedNode[]): void {
  const depth = ({ path }: MountedNode): number => elementsOf(path).length;
  for (const { path, node } of mounts.toSorted((left, right) => depth(left) - depth(right))) {
    mountAt(root, path, node ?? { kind: 'unknown' });
  }
}

function mountAt(root: DirectoryNode, path: string, node: TreeNode): void {
  // A link at the end is followed too: what is mounted over is what it leads to.
  const elements = elementsOf(lookUp(root, path)?.path ?? path);
  const last = elements.pop();
  if (last === undefined) {
    throw new NotKeptError(path);
  }
  let directory = root;
  let walked = '';
  for (const element of elements) {
    walked = `${walked}/${element}`;
    const reached = lookUp(root, walked);
    if (reached === null && !directory.children.has(element)) {
      const made: DirectoryNode = { kind: 'directory', mode: 0o755, children: new Map() };
      directory.children.set(element, made);
      directory = made;
    } else if (reached?.node.kind === 'directory') {
      directory = reached.node;
    } else {
      throw new NotKeptError(path);
    }
  }
  directory.children.set(last, node);
}

function elementsOf(path: string): string[] {
  return path.split('/').filter((element) => element !== '' && element !== '.');
}
