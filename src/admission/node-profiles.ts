import type { NodeProfile } from '../policy/configuration/admission.ts';

/** What a pod must reckon with on the nodes that it may be scheduled on. */
export interface NodeDemands {
  /** GOARCH names; null when any is possible. */
  readonly architectures: readonly string[] | null;
  /** The least that the vsyscall page does on one of them; null when that is not known. */
  readonly vsyscall: NodeProfile['vsyscall'];
  /** The oldest glibc on one of them; null when that is not known. */
  readonly glibc: string | null;
}

const architectureLabel = 'kubernetes.io/arch';

/**
 * The demands of all nodes that a node selector leaves: those whose labels do not contradict it. A label that a profile
 * does not state rules nothing out.
 */
export function nodeDemands(selector: Readonly<Record<string, string>>, profiles: readonly NodeProfile[]): NodeDemands {
  const possible = profiles.filter(({ labels }) =>
    Object.entries(labels).every(([label, value]) => !Object.hasOwn(selector, label) || selector[label] === value),
  );
  const selected = selector[architectureLabel];
  return {
    architectures: selected === undefined ? statedArchitectures(possible) : [selected],
    vsyscall:
      (['none', 'xonly', 'emulate'] as const).find((mode) => possible.some(({ vsyscall }) => vsyscall === mode)) ??
      null,
    glibc:
      possible
        .map(({ glibc }) => glibc)
        .filter((release) => release !== null)
        .sort(compareReleases)[0] ?? null,
  };
}

function statedArchitectures(profiles: readonly NodeProfile[]): readonly string[] | null {
  const complete = profiles.length > 0 && profiles.every(({ architectures }) => architectures.length > 0);
  return complete ? [...new Set(profiles.flatMap(({ architectures }) => architectures))].sort() : null;
}

/** By number and not by text: 2.9 is older than 2.31. */
function compareReleases(left: string, right: string): number {
  const [ours, theirs] = [left.split('.').map(Number), right.split('.').map(Number)];
  for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
    const difference = (ours[index] ?? 0) - (theirs[index] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

/** Parameters of rules that judge by the node; rules that are not on are left alone. */
export function nodeParameters({
  vsyscall,
  glibc,
}: NodeDemands): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const parameters = new Map<string, Readonly<Record<string, unknown>>>();
  if (vsyscall !== null) {
    parameters.set('libc/vsyscall', { mode: vsyscall });
  }
  if (glibc !== null) {
    parameters.set('libc/minimum', { glibc });
  }
  return parameters;
}
