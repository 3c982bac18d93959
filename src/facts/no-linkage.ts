import type { TreeLinkage } from './linkage-facts.ts';

/** Of what no loader has made anything. Its own file: a single file is inspected without all that linkage takes. */
export const noLinkage: TreeLinkage = {
  linkage: [],
  cycles: [],
  globalScope: [],
  interposed: [],
  hiddenReferences: [],
  mixtures: [],
};
