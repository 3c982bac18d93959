import { ElfFile } from '../binary/elf/elf-file.ts';
import { isProgram } from '../binary/elf/hardening.ts';
import type { FileSource } from '../bytes/byte-source.ts';
import { FormatError, unlessDamaged } from '../errors.ts';
import type { FileTree } from '../image/file-tree.ts';
import { limits } from '../limits.ts';
import { findInterposed, type Interposed, type ScopeMember } from '../loader/interposition.ts';
import type { BinaryFacts, InterpositionFacts } from './schema.ts';

/**
 * Strong symbols that shadow each other; objects of another processor never meet these.
 *
 * @throws FormatError that names the member that contradicts its format.
 */
export function interposedIn(members: readonly ScopeMember[]): readonly InterpositionFacts[] {
  const scopes = Map.groupBy(members, ({ elf: { header } }) => `${header.machine} ${header.encoding.is64}`);
  return [...scopes.values()]
    .flatMap((scope) =>
      // A program is at the head of its global scope, wherever the caller named it.
      findInterposed(scope.toSorted((left, right) => Number(isProgram(right.elf)) - Number(isProgram(left.elf)))),
    )
    .map(interpositionFacts)
    .toSorted((left, right) => Number(isHarmless(left)) - Number(isHarmless(right)))
    .slice(0, limits.listedInterposed);
}

// A list may be cut: what nobody looks up comes last.
const isHarmless = ({ shadowed }: InterpositionFacts): boolean =>
  shadowed.every(({ binds, users }) => !binds && users.length === 0);

function interpositionFacts({ symbol, winner, shadowed }: Interposed): InterpositionFacts {
  return {
    symbol,
    winner: winner.name,
    shadowed: shadowed.slice(0, limits.listedLinkage).map(({ member, binds, users }) => ({
      path: member.name,
      binds,
      users: users.slice(0, limits.listedLinkage).map(({ name }) => name),
    })),
  };
}

/**
 * The same of a root. Its plugins meet in the process of their host, in the global scope, with the libraries that they
 * need; whether other libraries ever meet, nobody says.
 *
 * @param libraries for each host and plugin, what its loader maps along, in load order.
 * @param onDamaged told of the objects that contradict their format and are left out.
 */
export function interposedInTree(
  tree: FileTree,
  binaries: readonly BinaryFacts[],
  libraries: ReadonlyMap<string, readonly string[]>,
  onDamaged: (path: string, error: FormatError) => void,
): readonly InterpositionFacts[] {
  const plugins = binaries.filter(({ role, elf }) => role === 'plugin' && elf !== null).map(({ path }) => path);
  const hosts = binaries.filter(({ role, elf }) => role === 'host' && elf !== null).map(({ path }) => path);
  if (plugins.length === 0) {
    return [];
  }
  const found = new Map<string, InterpositionFacts>();
  for (const host of hosts.length === 0 ? [null] : hosts.slice(0, limits.interposedHosts)) {
    const objects = [...(host === null ? [] : [host]), ...plugins].flatMap((path) => [
      path,
      ...(libraries.get(path) ?? []).filter((library) => !isOfCLibrary.test(library)),
    ]);
    for (const each of interposedBetween(tree, [...new Set(objects)].slice(0, limits.objectsTogether), onDamaged)) {
      found.set(JSON.stringify(each), each);
    }
  }
  return [...found.values()].slice(0, limits.listedInterposed);
}

// Programs replace parts of the C library on purpose (malloc), and its older releases hold one function in two libraries.
const isOfCLibrary = /\/(?:ld-|ld64|lib(?:c|m|dl|rt|pthread|util|resolv)[-.])[^/]*$/;

function interposedBetween(
  tree: FileTree,
  paths: readonly string[],
  onDamaged: (path: string, error: FormatError) => void,
): readonly InterpositionFacts[] {
  const opened: FileSource[] = [];
  try {
    let members = paths.flatMap((path) => {
      const elf = readable(tree, path, opened);
      return elf === null ? [] : [{ name: path, elf }];
    });
    // Names are read as they are compared: one that lies outside of its file is met only then.
    for (;;) {
      try {
        return interposedIn(members);
      } catch (error) {
        if (!(error instanceof FormatError)) {
          throw error;
        }
        const damaged = members.find(({ name }) => name === error.path);
        if (damaged === undefined) {
          throw error;
        }
        onDamaged(damaged.name, error);
        members = members.filter((member) => member !== damaged);
      }
    }
  } finally {
    for (const source of opened) {
      source.close();
    }
  }
}

/** `null` for a file that cannot be read or contradicts its format: resolving it has said so. */
function readable(tree: FileTree, path: string, opened: FileSource[]): ElfFile | null {
  return unlessDamaged(() => {
    const source = tree.open(path);
    opened.push(source);
    const elf = new ElfFile(source);
    // Asked for here, so that what lies outside of the file is found out before the others are compared with it.
    return elf.relocations.length + (elf.dynamicSymbols?.length ?? 0) + (elf.symbolVersions?.needed.length ?? 0) >= 0
      ? elf
      : null;
  });
}
