import type { ElfFile } from '../binary/elf/elf-file.ts';
import { PF, PT } from '../binary/elf/names.ts';
import { stretches } from '../bytes/stretches.ts';
import { limits } from '../limits.ts';
import { neededCycles } from './library-closure/cycles.ts';

/** What an object may open while it is initialised. */
export interface InitialiserOpens {
  readonly path: string;
  /** DT_NEEDED. */
  readonly needed: readonly string[];
  /** Names by which others open or need it. */
  readonly names: readonly string[];
  /** Names of shared objects among its constants; empty for one that has no initialisers or does not import dlopen. */
  readonly opens: readonly { readonly name: string; readonly at: string }[];
}

/** A circle that dlopen closes: an object may be used while its own initialiser has not ended. */
export interface InitialiserCycle {
  readonly paths: readonly string[];
  readonly evidence: readonly { readonly path: string; readonly at: string; readonly value: string }[];
}

/**
 * Names of shared objects in the constants of a file, with their places. Which of them it opens, and when, its code
 * decides: a circle of them is possible and not certain.
 */
export function sharedObjectNames(elf: ElfFile): InitialiserOpens['opens'] {
  const found = new Map<string, string>();
  // The dynamic section's own names lie in the same segments.
  const own = new Set([elf.dynamic?.soname, ...(elf.dynamic?.needed ?? [])]);
  for (const { type, flags, offset, fileBytes } of elf.segments) {
    if (type !== PT.load || (flags & PF.write) !== 0 || fileBytes > limits.scannedConstantBytes) {
      continue;
    }
    // A name that starts before a stretch, or goes on behind it, lies whole in the other one.
    const overlap = 2 * limits.fileNameBytes;
    for (const { offset: start, bytes } of stretches(elf.source, offset, fileBytes, { overlap })) {
      const first = start === offset ? 0 : limits.fileNameBytes;
      for (
        let at = bytes.indexOf('.so', first);
        at !== -1 && found.size < limits.scannedConstants;
        at = bytes.indexOf('.so', at + 3)
      ) {
        const name = nameAround(bytes, at);
        if (name.value !== null && !own.has(name.value) && !found.has(name.value)) {
          found.set(name.value, `file+0x${(start + name.start).toString(16)}`);
        }
      }
    }
  }
  return [...found].map(([value, at]) => ({ name: value, at }));
}

const inNames = /^[\w.+/-]+\.so(?:\.[0-9.]+)?$/;

/** The NUL-terminated text around a place; `null` when it does not look like a library's name. */
function nameAround(bytes: Buffer, at: number): { readonly start: number; readonly value: string | null } {
  const from = Math.max(0, at - limits.fileNameBytes);
  const start = bytes.subarray(from, at).lastIndexOf(0) + 1 + from;
  const rest = bytes.subarray(at, at + limits.fileNameBytes);
  const end = rest.indexOf(0);
  const value = end === -1 ? '' : bytes.toString('latin1', start, at + end);
  return { start, value: inNames.test(value) ? value : null };
}

/** Circles of objects in which at least one link is a dlopen that an initialiser may come to. */
export function findInitialiserCycles(objects: readonly InitialiserOpens[]): readonly InitialiserCycle[] {
  const byName = new Map<string, InitialiserOpens>();
  for (const object of objects) {
    for (const each of object.names) {
      byName.set(each, byName.get(each) ?? object);
    }
  }
  const nodes = new Map(objects.map((object): [InitialiserOpens, Node] => [object, { object, needs: [] }]));
  const target = (wanted: string): Node | undefined => {
    const object = byName.get(wanted) ?? byName.get(wanted.slice(wanted.lastIndexOf('/') + 1));
    return object === undefined ? undefined : nodes.get(object);
  };
  for (const [object, node] of nodes) {
    for (const wanted of [...object.needed, ...object.opens.map((each) => each.name)]) {
      const other = target(wanted);
      if (other !== undefined && other !== node) {
        node.needs.push(other);
      }
    }
  }
  return neededCycles([...nodes.values()]).flatMap((group) => {
    const members = new Set(group);
    const evidence = group.flatMap(({ object }) =>
      object.opens
        .filter((each) => members.has(target(each.name) as Node) && target(each.name)?.object !== object)
        .map((each) => ({ path: object.path, at: each.at, value: each.name })),
    );
    return evidence.length === 0 ? [] : [{ paths: group.map(({ object }) => object.path), evidence }];
  });
}

interface Node {
  readonly object: InitialiserOpens;
  readonly needs: Node[];
}
