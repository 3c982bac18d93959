import { isProgram } from '../binary/elf/hardening.ts';
import { limits } from '../limits.ts';
import { findInterposed, type Interposed, type ScopeMember } from '../loader/interposition.ts';
import type { InterpositionFacts } from './schema.ts';

/** Strong symbols that shadow each other; objects of another processor never meet these. */
export function interposedIn(members: readonly ScopeMember[]): readonly InterpositionFacts[] {
  const scopes = Map.groupBy(members, ({ elf: { header } }) => `${header.machine} ${header.encoding.is64}`);
  const found = [...scopes.values()].flatMap((scope) =>
    // A program is at the head of its global scope, wherever the caller named it.
    findInterposed(scope.toSorted((left, right) => Number(isProgram(right.elf)) - Number(isProgram(left.elf)))),
  );
  return found.slice(0, limits.listedInterposed).map(interpositionFacts);
}

function interpositionFacts({ symbol, winner, shadowed }: Interposed): InterpositionFacts {
  return {
    symbol,
    winner: winner.name,
    shadowed: shadowed.map(({ member, binds }) => ({ path: member.name, binds })),
  };
}
