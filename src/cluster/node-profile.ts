import { type CoreV1Api, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { rootFacts } from '../facts/root-facts.ts';
import type { FileTree } from '../image/file-tree.ts';
import type { NodeProfile } from '../policy/configuration/admission.ts';
import { clusterError } from './connection.ts';

/** What one node says about itself. */
export interface NodeFacts {
  /** GOARCH's name. */
  readonly architecture: string;
  /** How the kernel serves the vsyscall page; null on architectures that never had one. */
  readonly vsyscall: NodeProfile['vsyscall'];
  /** Release of the node's own glibc; null where it has none. */
  readonly glibc: string | null;
}

const annotations = {
  architecture: 'node.elfgate.dev/architecture',
  vsyscall: 'node.elfgate.dev/vsyscall',
  glibc: 'node.elfgate.dev/glibc',
} as const;

/**
 * @param architecture as Node names it (process.arch).
 * @param maps text of /proc/self/maps: the kernel maps the page into every process as it was booted.
 * @param root of the node, which a container sees where it is mounted.
 */
export function nodeFacts(architecture: string, maps: string, root: FileTree): NodeFacts {
  const { libc } = rootFacts(root);
  return {
    architecture: architectureNames[architecture] ?? architecture,
    vsyscall: architecture === 'x64' ? vsyscallMode(maps) : null,
    glibc: libc?.kind === 'glibc' ? libc.version : null,
  };
}

const architectureNames: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/** Linux, arch/x86/entry/vsyscall: executable only with xonly, readable too with emulate, absent with none. */
function vsyscallMode(maps: string): 'none' | 'emulate' | 'xonly' {
  const [, permissions] = /^[0-9a-f]+-[0-9a-f]+ (\S{4}) .*\[vsyscall\]$/m.exec(maps) ?? [];
  return permissions === undefined ? 'none' : permissions.startsWith('r') ? 'emulate' : 'xonly';
}

/** The facts as annotations of a node, for others to read. */
export function nodeAnnotations(facts: NodeFacts): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (['architecture', 'vsyscall', 'glibc'] as const).flatMap((fact) => {
      const value = facts[fact];
      return value === null ? [] : [[annotations[fact], value]];
    }),
  );
}

/** Writes them to a node. @throws ElfgateError `unreachable` */
export async function publishNodeFacts(
  api: Pick<CoreV1Api, 'patchNode'>,
  name: string,
  facts: NodeFacts,
): Promise<void> {
  try {
    await api.patchNode(
      { name, body: { metadata: { annotations: nodeAnnotations(facts) } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  } catch (error) {
    throw clusterError(`the node ${name} cannot be annotated`, error);
  }
}

/** Profiles of all nodes that have published their facts. @throws ElfgateError `unreachable` */
export async function publishedNodeProfiles(api: Pick<CoreV1Api, 'listNode'>): Promise<readonly NodeProfile[]> {
  const profiles: NodeProfile[] = [];
  let next: string | undefined;
  do {
    try {
      const { items, metadata } = await api.listNode({
        limit: 200,
        ...(next === undefined ? {} : { _continue: next }),
      });
      for (const { metadata: node } of items) {
        const profile = profileOf(node?.labels ?? {}, node?.annotations ?? {});
        if (profile !== null) {
          profiles.push(profile);
        }
      }
      next = metadata?._continue || undefined;
    } catch (error) {
      throw clusterError('the nodes cannot be listed', error);
    }
  } while (next !== undefined);
  return profiles;
}

function profileOf(
  labels: Readonly<Record<string, string>>,
  published: Readonly<Record<string, string>>,
): NodeProfile | null {
  const architecture = published[annotations.architecture];
  const vsyscall = (['none', 'emulate', 'xonly'] as const).find((mode) => mode === published[annotations.vsyscall]);
  const glibc = published[annotations.glibc];
  return architecture === undefined && vsyscall === undefined && glibc === undefined
    ? null
    : {
        labels,
        architectures: architecture === undefined ? [] : [architecture],
        vsyscall: vsyscall ?? null,
        glibc: glibc !== undefined && /^\d+(\.\d+)+$/.test(glibc) ? glibc : null,
      };
}
