import { BuiltinError, type Builtins, rego } from './builtin.ts';
import { compareRego, type RegoValue } from './rego-value.ts';

export const objects: Builtins = {
  'object.subset': rego((whole, part) => {
    const isSubset = subset(whole, part);
    if (isSubset === null) {
      throw new BuiltinError('both arguments object.subset must be of the same type or array and set');
    }
    return { type: 'boolean', value: isSubset };
  }),
};

/** Whether the second is in the first, level by level; null where kinds differ. */
function subset(whole: RegoValue | undefined, part: RegoValue | undefined): boolean | null {
  if (whole?.type === 'object' && part?.type === 'object') {
    return part.entries.every(([key, wanted]) => {
      const found = whole.entries.find(([other]) => compareRego(key, other) === 0)?.[1];
      return found !== undefined && contains(found, wanted);
    });
  }
  if (whole?.type === 'set' && part?.type === 'set') {
    return holdsAll(whole.items, part.items);
  }
  if (whole?.type === 'array' && part?.type === 'array') {
    return holdsInARow(whole.items, part.items);
  }
  if (whole?.type === 'array' && part?.type === 'set') {
    // OPA counts hits, not members: twice the same item of the list stands for two members.
    const hits = whole.items.filter((item) => part.items.some((wanted) => compareRego(item, wanted) === 0)).length;
    return whole.items.length > 0 && hits >= part.items.length;
  }
  return null;
}

/** What is no collection, or of another kind, has to be equal. */
function contains(whole: RegoValue, part: RegoValue): boolean {
  const nested = whole.type === part.type ? subset(whole, part) : null;
  return nested ?? compareRego(whole, part) === 0;
}

function holdsAll(whole: readonly RegoValue[], part: readonly RegoValue[]): boolean {
  return part.every((wanted) => whole.some((item) => compareRego(item, wanted) === 0));
}

/** The items of a list have to be next to each other. */
function holdsInARow(whole: readonly RegoValue[], part: readonly RegoValue[]): boolean {
  const starts = Array.from({ length: Math.max(0, whole.length - part.length + 1) }, (_, start) => start);
  return starts.some((start) =>
    part.every((wanted, index) => {
      const item = whole[start + index];
      return item !== undefined && compareRego(item, wanted) === 0;
    }),
  );
}
