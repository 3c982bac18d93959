import type { InspectedTarget } from './inspected-target.ts';
import type { BinaryFacts, MixtureFacts, PluginPairFacts } from './schema.ts';

export type LinkedWith = MixtureFacts['libc'];

/** The C library that an object shares with others at run time; `null` for a static program, or when it shows none. */
export function linkedWith({ libc }: BinaryFacts): LinkedWith | null {
  return libc !== null && libc.linkage !== 'static' && (libc.kind === 'glibc' || libc.kind === 'musl')
    ? libc.kind
    : null;
}

/** Where objects of two C libraries come into one process of a target, or of a host that opens its plugins. */
export function mixturesOf(
  target: InspectedTarget,
  pairs: readonly PluginPairFacts[],
  targets: readonly InspectedTarget[],
): MixtureFacts[] {
  return [
    ...target.linkage.mixtures.map(({ path, libc, other }) => ({
      path,
      libc,
      other: { ...other, target: target.name },
      why: 'needed' as const,
    })),
    ...pairs.flatMap(({ plugin, host }): readonly MixtureFacts[] => {
      const ours = linkedWithAt(target, plugin);
      const holder = targets.find(({ name }) => name === host.target);
      const theirs = holder === undefined ? null : linkedWithAt(holder, host.path);
      return ours === null || theirs === null || ours === theirs
        ? []
        : [{ path: plugin, libc: ours, other: { target: host.target, path: host.path, libc: theirs }, why: 'opened' }];
    }),
  ];
}

function linkedWithAt({ binaries }: InspectedTarget, path: string): LinkedWith | null {
  const found = binaries.find(({ facts }) => facts.path === path);
  return found === undefined ? null : linkedWith(found.facts);
}
