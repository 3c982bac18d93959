import type { FactsDocument } from './schema.ts';

/** Where nothing was loaded on paper. */
export const noPredictions: FactsDocument['predictions'] = {
  plugins: [],
  sequences: [],
  hosts: [],
  globalScope: [],
  linkage: [],
  cycles: [],
  interposed: [],
  nameServices: [],
  hiddenReferences: [],
  secondRuntimes: [],
  mixtures: [],
};
