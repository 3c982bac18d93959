/** The step that lays out a small root file system. */

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Recipe, TreeStep } from '../recipe.ts';
import { MissingTool } from '../tools.ts';
import type { Workplace } from './command.ts';

// Debian's multiarch directories, Red Hat's lib64, and musl's own loader, which lies in /lib on all of them.
const libraryDirectories = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
];

/** @throws MissingTool when a library is not on this machine. */
export function makeTree(step: TreeStep, place: Workplace): void {
  mkdirSync(place.output, { recursive: true });
  for (const [path, entry] of Object.entries(step.entries)) {
    const target = join(place.output, path);
    mkdirSync(dirname(target), { recursive: true });
    if ('text' in entry) {
      writeFileSync(target, entry.text);
    } else if ('link' in entry) {
      symlinkSync(entry.link, target);
    } else if ('directory' in entry) {
      mkdirSync(target, { recursive: true });
    } else {
      copyFileSync('library' in entry ? locateLibrary(entry.library) : fileOf(entry, place), target);
      chmodSync(target, 0o755);
    }
  }
}

function fileOf({ artifact, file }: { readonly artifact: Recipe; readonly file?: string }, place: Workplace): string {
  return file === undefined ? place.pathOf(artifact) : join(place.pathOf(artifact), file);
}

/** What distinguishes the machine's copies of the libraries from their other versions. */
export function identifyLibraries(step: TreeStep): readonly string[] {
  return Object.values(step.entries).flatMap((entry) => {
    if (!('library' in entry)) {
      return [];
    }
    const path = locateLibrary(entry.library);
    const status = statSync(path);
    return [`${path} ${status.size} ${status.mtimeMs}`];
  });
}

function locateLibrary(name: string): string {
  for (const directory of libraryDirectories) {
    const candidate = join(directory, name);
    if (existsSync(candidate)) {
      return realpathSync(candidate);
    }
  }
  const packageName = name.startsWith('ld-musl') ? 'musl' : 'libc6';
  throw new MissingTool(`${name} is not on this machine: apt-get install ${packageName}`);
}
