/**
 * Libraries in C against what loads them: every ELF file below this machine's library directories is opened by a small C
 * program in all four modes, each time in a process of its own, and every one that its loader can be asked about is
 * compared with `ldd -r`.
 */

import { spawnSync } from 'node:child_process';
import { directoryTree } from '../../src/image/directory.ts';
import { dlopenReasons } from '../../src/loader/dlopen/prediction.ts';
import { LibraryShelf } from '../../src/loader/library-closure/library-shelf.ts';
import { resolveFile } from '../../src/loader/library-closure/resolution.ts';
import { findElfFiles, pick } from '../conformance/elf-files.ts';
import { differences, installedRoots, listingOf, nativeFiles } from '../conformance/ldd.ts';
import { ldd } from '../conformance/ldd-text.ts';
import { type ComparedOpening, compareOpenings, everyMode } from '../loader/dlopen/real-openings.ts';
import { artifact } from './lab.ts';
import { type Counts, none, notRun, type TruthClass } from './truth-table.ts';

const libraryRoots = ['/usr/lib', '/usr/lib32', '/usr/libx32', '/usr/libexec', '/usr/local/lib', '/opt'];
const crossRoots = ['/usr/aarch64-linux-gnu', '/usr/s390x-linux-gnu', '/usr/x86_64-linux-musl'];

const about = (kind: string): string => `dlopen of this machine's libraries: ${kind}`;
const unbound = 'loads, with functions that nothing defines';
const ended = 'loads, and code of the library then ends the process';
const together = 'two objects in one process';

/** Classes by what the openings come to. All are opened when the first is counted. @param most files of this machine. */
export function cTruth(most: number): readonly TruthClass[] {
  let opened: Promise<ReadonlyMap<string, Counts>> | undefined;
  const outcomes = ['loads', 'fails', 'crashes', 'not-reached'].flatMap((outcome) =>
    Object.keys(dlopenReasons).map((reason) => `${outcome}: ${reason}`),
  );
  return [
    ...[...outcomes, unbound, ended, together].map((kind) => ({
      about: about(kind),
      count: async () => {
        opened ??= openEverything(most);
        return (await opened).get(kind) ?? none();
      },
    })),
    { about: "libraries and symbols of this machine's files, against ldd -r", count: () => resolveEverything(most) },
  ];
}

async function openEverything(most: number): Promise<ReadonlyMap<string, Counts>> {
  const table = new Map<string, Counts>();
  const host = await artifact('c/dlopen-host');
  const files = pick(findElfFiles([...libraryRoots, ...crossRoots]), most).toSorted();
  if (!host.available) {
    notRun(about('all'), host.reason);
    table.set(together, { ...none(), notRun: files.length });
    return table;
  }
  const shelf = new LibraryShelf(directoryTree('/'));
  const single = files.flatMap((file) => everyMode.map((mode) => ({ objects: [file], mode })));
  // Neighbours in the list are often of one package, and share symbols.
  const pairs = files.flatMap((file, index) => {
    const next = files[index + 1];
    return next === undefined || index % 4 !== 0 ? [] : everyMode.map((mode) => ({ objects: [next, file], mode }));
  });
  await inParallel([...single, ...pairs], async ({ objects, mode }) => {
    const compared = await compareOpenings(host.path, objects, mode, shelf);
    const kind = compared.some(({ verdict }) => verdict === 'initialiser') ? ended : null;
    for (const [index, each] of compared.entries()) {
      note(each, kind ?? (objects.length === 1 ? kindOf(each) : together), index === 0, table);
    }
  });
  return table;
}

/** What the opening came to, by which the table is ordered. */
function kindOf({ predicted }: ComparedOpening): string {
  return predicted.outcome === 'loads' && predicted.unboundCalls.count > 0
    ? unbound
    : `${predicted.outcome}: ${predicted.reason}`;
}

function note(
  { object, predicted, real, verdict }: ComparedOpening,
  kind: string,
  isFirst: boolean,
  table: Map<string, Counts>,
): void {
  const counts = table.get(kind) ?? none();
  counts.sequences += isFirst ? 1 : 0;
  counts.steps += 1;
  // What an initialiser does is not predicted: that it runs is.
  counts[verdict === 'initialiser' ? 'undecided' : verdict] += 1;
  table.set(kind, counts);
  if (verdict !== 'agrees') {
    const { outcome, reason, message } = predicted;
    const details = JSON.stringify({ predicted: { outcome, reason, message }, real });
    process.stderr.write(`${verdict}: ${object}: ${details}\n`);
  }
}

const workers = 3;

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: workers }, run));
}

async function resolveEverything(most: number): Promise<Counts> {
  const counts = none();
  const found = pick(findElfFiles(installedRoots), most);
  if (spawnSync('ldd', ['--version'], { stdio: 'ignore' }).status !== 0) {
    notRun('ldd -r', 'ldd is not on this machine');
    return { ...counts, notRun: found.length };
  }
  const shelf = new LibraryShelf(directoryTree('/'));
  const files = nativeFiles(found, shelf);
  // ldd runs the loader of a file: of other processors, of musl and of static programs it knows nothing.
  counts.notRun = found.length - files.length;
  for (const path of files) {
    counts.sequences += 1;
    counts.steps += 1;
    const different = differences(
      ldd(path),
      listingOf(resolveFile({ name: path, place: path, inRoot: path }, shelf, {})),
    );
    counts[different.length === 0 ? 'agrees' : 'disagrees'] += 1;
    for (const line of different) {
      process.stderr.write(`disagrees: ${path}: ${line}\n`);
    }
  }
  return counts;
}
