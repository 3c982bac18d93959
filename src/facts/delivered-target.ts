import { rootedFacts } from './elf-facts.ts';
import type { InspectedTarget } from './inspected-target.ts';
import { noLinkage } from './no-linkage.ts';

/** An image whose files are loaded in the root of another one: nothing of their own root counts. */
export function deliveredTarget(target: InspectedTarget): InspectedTarget {
  return {
    ...target,
    root: null,
    launch: null,
    linkage: noLinkage,
    openings: null,
    binaries: target.binaries.map((binary) => {
      const { elf } = binary.facts;
      return elf === null
        ? binary
        : {
            ...binary,
            facts: { ...binary.facts, elf: { ...elf, ...rootedFacts(elf, { root: null, path: binary.facts.path }) } },
          };
    }),
  };
}
