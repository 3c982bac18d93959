import { directoryTree } from '../image/directory.ts';
import { inspectTree } from './inspect-tree.ts';
import type { InspectedTarget, InspectOptions, Target } from './inspected-target.ts';

/**
 * Inspects every binary of a directory, which is taken as a root file system.
 *
 * @throws ElfgateError `unreadable` when it cannot be listed at all; what fails inside of it is a problem of the result.
 */
export function inspectDirectory(target: Target, options: InspectOptions): InspectedTarget {
  const tree = directoryTree(target.name);
  return {
    name: target.name,
    role: target.role,
    kind: 'directory',
    digest: null,
    meeting: { platform: null, container: null },
    ...inspectTree(tree, options),
    image: null,
    launch: null,
    openings: null,
  };
}
