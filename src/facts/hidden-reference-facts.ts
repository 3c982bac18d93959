import type { ElfFile } from '../binary/elf/elf-file.ts';
import { placeName } from '../binary/elf/place.ts';
import { limits } from '../limits.ts';
import type { SetMember } from '../loader/global-scope.ts';
import { findHiddenReferences, hiddenIn, references } from '../loader/hidden-references.ts';
import type { HiddenReferenceFacts } from './schema.ts';

/** What one of the files that were named together refers to and another one, or itself, keeps to itself. */
export function hiddenReferencesInSet(member: SetMember, set: readonly SetMember[]): readonly HiddenReferenceFacts[] {
  return findHiddenReferences(member, set)
    .slice(0, limits.listedLinkage)
    .map(({ symbol, at, hiddenIn: holder, doubt }) => ({
      path: member.name,
      symbol,
      at: placeName(member.elf, at),
      hiddenIn: holder === null ? null : { path: holder.member.name, at: placeName(holder.member.elf, holder.at) },
      doubt,
    }));
}

/** An object of a root, and the references of it that nothing in the root answers. */
export interface UnansweredObject {
  readonly path: string;
  readonly symbols: ReadonlySet<string>;
}

/**
 * The same for the objects of a root.
 *
 * @param ask puts a question to the file at a path; `null` for one that contradicts its format.
 */
export function hiddenReferencesInTree(
  unanswered: readonly UnansweredObject[],
  paths: readonly string[],
  ask: <Answer>(path: string, question: (elf: ElfFile) => Answer) => Answer | null,
): readonly HiddenReferenceFacts[] {
  const wanted = new Set(unanswered.flatMap(({ symbols }) => [...symbols]));
  const holders = new Map<string, HiddenReferenceFacts['hiddenIn']>();
  for (const path of wanted.size === 0 ? [] : paths) {
    const found = ask(path, (elf) =>
      [...hiddenIn([{ name: path, elf }], wanted)].map(([name, { at }]) => ({ name, at: placeName(elf, at) })),
    );
    for (const { name, at } of found ?? []) {
      holders.set(name, holders.get(name) ?? { path, at });
    }
  }
  return unanswered.flatMap(({ path, symbols }) => {
    const hidden = new Set([...symbols].filter((name) => holders.has(name)));
    const refer = (elf: ElfFile) => references(elf, hidden).map((each) => ({ ...each, at: placeName(elf, each.at) }));
    return (ask(path, refer) ?? [])
      .slice(0, limits.listedLinkage)
      .map(({ symbol, at }) => ({ path, symbol, at, hiddenIn: holders.get(symbol) ?? null, doubt: null }));
  });
}
