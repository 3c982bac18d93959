/** Finds the ELF files of this machine and picks some of them, the same ones every time. */

import { closeSync, type Dirent, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

export interface FoundElf {
  readonly path: string;
  /** Width, byte order, type and machine of the header: files that agree on them exercise the same code. */
  readonly kind: string;
}

/** Directories of a machine where distributions and developers keep binaries. */
export const usualRoots = ['/usr', '/lib', '/lib64', '/opt'] as const;

/** Every ELF file below the roots, each inode once, sorted by path. Links are not followed; unreadable places are skipped. */
export function findElfFiles(roots: readonly string[]): readonly FoundElf[] {
  const found: FoundElf[] = [];
  const seen = new Set<string>();
  for (const root of roots) {
    walk(root, seen, found);
  }
  return found.sort((left, right) => (left.path < right.path ? -1 : 1));
}

function walk(directory: string, seen: Set<string>, found: FoundElf[]): void {
  let children: Dirent[];
  try {
    children = readdirSync(directory, { withFileTypes: true });
  } catch {
    return;
  }
  for (const child of children) {
    const path = join(directory, child.name);
    if (path === '/proc' || path === '/sys') {
      continue;
    }
    if (child.isDirectory()) {
      walk(path, seen, found);
    } else if (child.isFile()) {
      const kind = kindOf(path, seen);
      if (kind !== null) {
        found.push({ path, kind });
      }
    }
  }
}

const start = Buffer.alloc(20);

function kindOf(path: string, seen: Set<string>): string | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    if (readSync(descriptor, start, 0, 20, 0) < 20 || start.readUInt32BE(0) !== 0x7f454c46) {
      return null;
    }
    const { dev, ino } = fstatSync(descriptor);
    const identity = `${dev}:${ino}`;
    if (seen.has(identity)) {
      return null;
    }
    seen.add(identity);
    return start.toString('hex', 4, 6) + start.toString('hex', 16, 20);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * `count` of the files, spread over all of them: every kind gets its share, and no kind more than a third while
 * others still have files; within a kind the picks are evenly spaced.
 */
export function pick(files: readonly FoundElf[], count: number): readonly string[] {
  const kinds = Map.groupBy(files, ({ kind }) => kind);
  const quotas = new Map([...kinds.keys()].map((kind) => [kind, 0]));
  let left = Math.min(count, files.length);
  for (const most of [Math.ceil(count / 3), Number.POSITIVE_INFINITY]) {
    for (let gave = true; gave && left > 0; ) {
      gave = false;
      for (const [kind, members] of kinds) {
        const quota = quotas.get(kind) ?? 0;
        if (left > 0 && quota < Math.min(most, members.length)) {
          quotas.set(kind, quota + 1);
          left -= 1;
          gave = true;
        }
      }
    }
  }
  return [...kinds].flatMap(([kind, members]) => {
    const quota = quotas.get(kind) ?? 0;
    return Array.from({ length: quota }, (_unused, index) => {
      const member = members[Math.floor((index * members.length) / quota)];
      return member === undefined ? [] : [member.path];
    }).flat();
  });
}
