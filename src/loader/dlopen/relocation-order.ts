import type { UnresolvedSymbol } from '../library-closure/binding.ts';
import type { Member } from '../library-closure/closure.ts';

/**
 * The order in which glibc relocates what dlopen brought in: libraries before what needs them (glibc
 * `elf/dl-sort-maps.c`, _dl_sort_maps_dfs, backwards, as `elf/dl-open.c` walks it). The first object with an undefined
 * symbol is the one in the message.
 *
 * @param reached what the opened object reaches, breadth first.
 */
export function relocationOrder(reached: readonly Member[], isNew: ReadonlySet<Member>): readonly Member[] {
  const sorted: Member[] = [];
  const visited = new Set<Member>();
  for (const start of reached.toReversed()) {
    // A stack of its own: the graph may be as deep as it is large.
    const path = visited.has(start) ? [] : [{ member: start, next: 0 }];
    visited.add(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const needed = top.member.needs[top.next];
      top.next += 1;
      if (needed === undefined) {
        sorted.push(top.member);
        path.pop();
      } else if (!visited.has(needed)) {
        visited.add(needed);
        path.push({ member: needed, next: 0 });
      }
    }
  }
  return sorted.filter((member) => isNew.has(member));
}

/**
 * The symbol that a loader stumbles over first: the first relocation that names one of them.
 *
 * glibc walks DT_RELA, DT_REL and DT_JMPREL in this order (`elf/dynamic-link.h`), musl the last of these first
 * (`ldso/dynlink.c`, reloc_all).
 */
export function firstRelocated(
  symbols: readonly UnresolvedSymbol[],
  member: Member,
  linker: 'glibc' | 'musl',
): UnresolvedSymbol | undefined {
  const byNumber = new Map(symbols.map((symbol) => [symbol.number, symbol]));
  if (byNumber.size < 2) {
    return symbols[0];
  }
  return member.object.ask(({ relocations }) => {
    const firstFrom = (start: number): UnresolvedSymbol | undefined => {
      for (let index = start; index < relocations.length; index++) {
        const symbol = byNumber.get(relocations.symbols[index] ?? 0);
        // R_*_NONE is 0 on every machine.
        if (symbol !== undefined && relocations.types[index] !== 0) {
          return symbol;
        }
      }
      return undefined;
    };
    return (linker === 'musl' ? firstFrom(relocations.firstLazy) : undefined) ?? firstFrom(0) ?? symbols[0];
  });
}
