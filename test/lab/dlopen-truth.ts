/**
 * Opens every ELF file below this machine's library directories with a small C program, in all four modes and each time in
 * a process of its own, and says where the prediction agrees: `node test/lab/dlopen-truth.ts [--count 500] [ROOT…]`.
 *
 * Exit code 1 on a difference; every difference, and every opening that is not known, is printed on standard error.
 */

import { parseArgs } from 'node:util';
import { directoryTree } from '../../src/image/directory.ts';
import { LibraryShelf } from '../../src/loader/library-closure/library-shelf.ts';
import { findElfFiles, pick } from '../conformance/elf-files.ts';
import { type ComparedOpening, compareOpenings, everyMode } from '../loader/dlopen/real-openings.ts';
import { artifact } from './lab.ts';

const libraryRoots = ['/usr/lib', '/usr/lib32', '/usr/libx32', '/usr/libexec', '/usr/local/lib', '/opt'];
const crossRoots = ['/usr/aarch64-linux-gnu', '/usr/s390x-linux-gnu', '/usr/x86_64-linux-musl'];

const columns = (cells: readonly (string | number)[]): string =>
  `${cells.map((cell, index) => (index === 0 ? String(cell).padEnd(52) : String(cell).padStart(13))).join('')}\n`;
const verdicts = ['agrees', 'outcome', 'undecided', 'initialiser', 'disagrees'] as const;

type Counts = Record<ComparedOpening['verdict'], number>;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { count: { type: 'string' } }, allowPositionals: true });
  const host = await artifact('c/dlopen-host');
  if (!host.available) {
    process.stderr.write(`not run: ${host.reason}\n`);
    return;
  }
  const found = findElfFiles(positionals.length > 0 ? positionals : [...libraryRoots, ...crossRoots]);
  const files = pick(found, values.count === undefined ? found.length : Number(values.count)).toSorted();
  const shelf = new LibraryShelf(directoryTree('/'));
  const table = new Map<string, Counts>();
  const single = files.flatMap((file) => everyMode.map((mode) => ({ objects: [file], mode })));
  // Neighbours in the list are often of one package, and share symbols.
  const pairs = files.flatMap((file, index) => {
    const next = files[index + 1];
    return next === undefined || index % 4 !== 0 ? [] : everyMode.map((mode) => ({ objects: [next, file], mode }));
  });
  const compare = async ({ objects, mode }: (typeof single)[number]): Promise<void> => {
    for (const compared of await compareOpenings(host.path, objects, mode, shelf)) {
      note(compared, objects.length === 1 ? kindOf(compared) : 'two objects in one process', table);
    }
  };
  await inParallel([...single, ...pairs], compare);
  print(table);
}

/** What the opening came to, by which the table is ordered. */
function kindOf({ predicted }: ComparedOpening): string {
  return predicted.outcome === 'loads' && predicted.unboundCalls.count > 0
    ? 'loads, with functions that nothing defines'
    : `${predicted.outcome}: ${predicted.reason}`;
}

function note(compared: ComparedOpening, kind: string, table: Map<string, Counts>): void {
  const counts = table.get(kind) ?? { agrees: 0, outcome: 0, undecided: 0, initialiser: 0, disagrees: 0 };
  counts[compared.verdict] += 1;
  table.set(kind, counts);
  if (compared.verdict !== 'agrees') {
    const { outcome, reason, message } = compared.predicted;
    const details = JSON.stringify({ predicted: { outcome, reason, message }, real: compared.real });
    process.stderr.write(`${compared.verdict}: ${compared.object}: ${details}\n`);
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

function print(table: ReadonlyMap<string, Counts>): void {
  process.stdout.write(columns(['class', 'openings', 'agree', 'no text', 'not known', 'initialiser', 'differ']));
  const all = { agrees: 0, outcome: 0, undecided: 0, initialiser: 0, disagrees: 0 };
  const row = (kind: string, counts: Counts): string => {
    const cells = verdicts.map((verdict) => counts[verdict]);
    return columns([kind, cells.reduce((sum, cell) => sum + cell, 0), ...cells]);
  };
  for (const [kind, counts] of [...table].sort(([left], [right]) => (left < right ? -1 : 1))) {
    process.stdout.write(row(kind, counts));
    for (const verdict of verdicts) {
      all[verdict] += counts[verdict];
    }
  }
  process.stdout.write(row('all', all));
  process.exitCode = all.disagrees > 0 ? 1 : 0;
}

await main();
