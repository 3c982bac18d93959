import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { directoryTree } from '../../src/image/directory.ts';
import { artifacts } from '../lab/lab.ts';
import { ownCache } from './own-cache.ts';
import { type Command, inTurn } from './processes.ts';
import { comparison, promise } from './promises.ts';

/** Inspecting and judging files of this machine, as whole processes, against starting Node and against readelf. */
const root = join(import.meta.dirname, '..', '..');
const checkout = join(root, 'cli', 'main.ts');
const published = join(root, 'dist', 'cli', 'main.cjs');
const out = ownCache(['facts', 'code']);
process.env.XDG_CACHE_HOME = out;

const node = process.execPath;
const script = join(out, 'read-file.mjs');
writeFileSync(script, 'import { readFileSync } from "node:fs"; readFileSync(process.argv[2]);');
const programs: readonly (readonly [string, string])[] = [
  ['checkout', checkout],
  ...(existsSync(published) ? ([['package', published]] as const) : []),
];

const lab = await artifacts(['go/host', 'go/plugin', 'go/plugin@1.25', 'go/resolver-without-cgo']);
if (!lab.available) {
  process.stderr.write(`${lab.reason}\n`);
  process.exit(2);
}
const binary = lab.path['go/plugin'];

for (const [name, program] of programs) {
  // Users run the package, whose modules are one file. A checkout loads seventy, one by one.
  const promiseOf: typeof promise = name === 'checkout' && programs.length > 1 ? comparison : promise;
  for (const artifact of ['go/resolver-without-cgo', 'go/host', 'go/plugin'] as const) {
    const file = lab.path[artifact];
    const [start, inspect] = await inTurn(
      [
        [node, script, file],
        [node, program, 'inspect', file, '-o', 'json'],
      ],
      15,
    );
    if (start !== undefined && inspect !== undefined) {
      const ratio = inspect.best / start.best;
      promiseOf(
        `inspect ${artifact} of ${(readFileSync(file).length / 1e6).toFixed(1)} MB (${name})`,
        `${inspect.best.toFixed(0)} ms against ${start.best.toFixed(0)} ms: ${ratio.toFixed(2)} ×`,
        'below 2 × starting Node and reading it',
        ratio < 2,
      );
    }
  }
  const [check] = await inTurn(
    [
      [
        node,
        program,
        'check',
        '--host',
        lab.path['go/host'],
        '--plugin',
        lab.path['go/plugin@1.25'],
        '--fail-on',
        'never',
      ],
    ],
    9,
  );
  const [one] = await inTurn([[node, program, 'check', binary]], 9);
  if (one !== undefined && check !== undefined) {
    promise(`check one file with all rules (${name})`, `${one.median.toFixed(0)} ms`, 'below 300 ms', one.median < 300);
    promiseOf(
      `check a host and a plugin (${name})`,
      `${check.median.toFixed(0)} ms`,
      'below 300 ms',
      check.median < 300,
    );
  }
}

const tree = collectElfFiles(1000);
const inspectTree: Command = [
  node,
  programs.at(-1)?.[1] ?? checkout,
  'inspect',
  tree.directory,
  '-o',
  'json',
  '--output-file',
  join(out, 'facts.json'),
];
const readelf: Command = ['readelf', '-W', '-a', ...tree.files];
if (spawnSync('readelf', ['--version']).error === undefined) {
  const [ours, theirs] = await inTurn([inspectTree, readelf], 3);
  if (ours !== undefined && theirs !== undefined) {
    promise(
      `inspect ${tree.files.length} ELF files of ${(tree.bytes / 1e6).toFixed(0)} MB`,
      `${(ours.best / 1000).toFixed(1)} s against ${(theirs.best / 1000).toFixed(1)} s: ${(ours.best / theirs.best).toFixed(2)} ×`,
      'faster than readelf -W -a',
      ours.best < theirs.best,
    );
    promise(
      'memory at its highest while doing so',
      `${ours.peakMemory.toFixed(0)} MB`,
      'below 200 MB',
      ours.peakMemory < 200,
    );
  }
} else {
  process.stderr.write('readelf is not on this machine: apt-get install binutils\n');
}
rmSync(out, { recursive: true, force: true });

/** Copies of ELF files of this machine, in one directory. */
function collectElfFiles(count: number): {
  readonly directory: string;
  readonly files: readonly string[];
  readonly bytes: number;
} {
  const directory = join(out, 'tree');
  const files: string[] = [];
  let bytes = 0;
  mkdirSync(directory);
  for (const place of ['/usr/lib', '/usr/bin', '/usr/sbin', '/usr/libexec']) {
    if (!existsSync(place)) {
      continue;
    }
    for (const entry of directoryTree(place).entries()) {
      const path = join(place, entry.path);
      if (files.length >= count) {
        break;
      }
      if (entry.kind === 'file' && isElf(path)) {
        const copy = join(directory, `${files.length}-${basename(path)}`);
        copyFileSync(path, copy);
        bytes += entry.size;
        files.push(copy);
      }
    }
  }
  return { directory, files, bytes };
}

function isElf(path: string): boolean {
  const start = Buffer.alloc(4);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, start, 0, 4, 0);
    return start.toString('latin1') === '\x7fELF';
  } finally {
    closeSync(descriptor);
  }
}
