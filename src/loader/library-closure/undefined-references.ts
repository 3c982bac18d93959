import { type SymbolIndex, use } from './symbol-index.ts';
import {
  assertEffortLeft,
  definitionIn,
  type LookupEffort,
  libraryNamedBy,
  mayDefine,
  wantedBy,
} from './symbol-lookup.ts';

/** An object that may define what another one refers to. */
export interface Provider {
  /** By which versions name it. */
  readonly name: string;
  readonly index: SymbolIndex;
}

/**
 * Numbers of the references of an object that none of the providers defines, ascending.
 *
 * @param providers with the object itself, if it may define what it refers to.
 * @throws ElfgateError `limit` when hash tables were made to keep their reader busy.
 */
export function undefinedIn(
  index: SymbolIndex,
  providers: readonly Provider[],
  linker: 'glibc' | 'musl',
  effort: LookupEffort,
): Uint32Array {
  const named = new Map(providers.map((provider) => [provider.name, provider.index]));
  const isUndefinedIn = (other: SymbolIndex) => (reference: number) =>
    !defines(other, index, reference, linker, effort);
  // The library that a version names defines it, unless something is wrong.
  const elsewhere = Uint32Array.from(index.references.symbols.keys()).filter((reference) => {
    const other = named.get(libraryNamedBy(index, reference) ?? '');
    return other === undefined || !defines(other, index, reference, linker, effort);
  });
  const left = providers.reduce((rest, provider) => rest.filter(isUndefinedIn(provider.index)), elsewhere);
  // What a search that was broken off did not find is not to be remembered.
  assertEffortLeft(effort);
  return left;
}

/** Whether an object defines what another one refers to, or itself. */
export function defines(
  other: SymbolIndex,
  index: SymbolIndex,
  reference: number,
  linker: 'glibc' | 'musl',
  effort: LookupEffort,
): boolean {
  if (!mayDefine(index, index.references.symbols[reference] ?? 0, other, effort)) {
    return false;
  }
  const wanted = wantedBy(index, reference);
  const isSource = wanted.use !== use.copy || index !== other;
  return isSource && definitionIn(wanted, other, linker, effort) !== 0;
}
