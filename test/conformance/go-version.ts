/**
 * Compares the build information that elfgate reads with what `go version -m` prints.
 *
 *     node test/conformance/go-version.ts [--count 100000] [ROOT…]
 *
 * Without a root: all of the machine, toolchains in the module cache and the lab's cache included. Exit code 1 when
 * one file differs; every difference is printed.
 */

import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { type BuildInformation, type GoModule, readBuildInformation } from '../../src/binary/go/build-information.ts';
import { openFile } from '../../src/bytes/byte-source.ts';
import { FormatError } from '../../src/errors.ts';
import { findElfFiles, pick, usualRoots } from './elf-files.ts';

/** Where Go binaries are on a developer's machine. */
export const goRoots = [...usualRoots, join(homedir(), 'go'), join(homedir(), '.cache', 'elfgate', 'lab')] as const;

export interface Comparison {
  /** Files whose build information both read, and read alike. */
  readonly equal: number;
  /** Files in which neither finds any. */
  readonly without: number;
  readonly differences: readonly string[];
}

/** Whether the go command is on this machine. */
export function hasGo(): boolean {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Compares all of these files. */
export function compare(files: readonly string[]): Comparison {
  const differences: string[] = [];
  let equal = 0;
  let without = 0;
  const batch = 200;
  const candidates = files.filter(isCandidate);
  for (let start = 0; start < candidates.length; start += batch) {
    const some = candidates.slice(start, start + batch);
    const theirs = goVersion(some);
    for (const path of some) {
      const ours = elfgate(path);
      const expected = theirs.get(path) ?? null;
      if (ours !== expected) {
        differences.push(`${path}\n${firstDifference(expected, ours)}`);
      } else if (ours === null) {
        without += 1;
      } else {
        equal += 1;
      }
    }
  }
  return { equal, without, differences };
}

function firstDifference(theirs: string | null, ours: string | null): string {
  const [left, right] = [theirs, ours].map((text) => text?.split('\n') ?? []);
  const index = left?.findIndex((line, number) => line !== right?.[number]) ?? 0;
  return `  go: ${theirs === null ? 'nothing' : left?.[index]}\n  elfgate: ${ours === null ? 'nothing' : right?.at(index)}`;
}

// `go version` looks at no others (cmd/go/internal/version, isGoBinaryCandidate).
function isCandidate(path: string): boolean {
  return (statSync(path).mode & 0o111) !== 0 || path.includes('.so');
}

/** What the go command prints of each file that has build information, without the file's name. */
function goVersion(files: readonly string[]): ReadonlyMap<string, string> {
  // The command says on standard error which files are not Go's, and ends with 1 when there are some.
  const { stdout } = spawnSync('go', ['version', '-m', ...files], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const texts = new Map<string, string>();
  const known = new Set(files);
  let current = '';
  for (const line of stdout.split('\n').slice(0, -1)) {
    const end = line.lastIndexOf(': ');
    if (!line.startsWith('\t') && known.has(line.slice(0, end))) {
      current = line.slice(0, end);
      texts.set(current, `${line.slice(end + 2)}\n`);
    } else {
      texts.set(current, `${texts.get(current)}${line}\n`);
    }
  }
  return texts;
}

function elfgate(path: string): string | null {
  const source = openFile(path);
  try {
    const build = readBuildInformation(new ElfFile(source));
    return build === null ? null : printed(build);
  } catch (error) {
    if (error instanceof FormatError) {
      return `refused: ${error.message}`;
    }
    throw error;
  } finally {
    source.close();
  }
}

/** As BuildInfo.String of Go's `runtime/debug/mod.go` writes it, indented as the command does. */
function printed({ version, path, main, deps, settings }: BuildInformation): string {
  const lines = [
    ...(path === null ? [] : [`path\t${path}`]),
    ...(main === null ? [] : moduleLines('mod', main)),
    ...deps.flatMap((dependency) => moduleLines('dep', dependency)),
    ...settings.map(([key, value]) => `build\t${quoted(key, /[= \t\r\n"`]|^$/)}=${quoted(value, /[ \t\r\n"`]/)}`),
  ];
  return [version, ...lines.map((line) => `\t${line}`), ''].join('\n');
}

function moduleLines(word: string, { path, version, sum, replace }: GoModule): readonly string[] {
  return replace === null
    ? [`${word}\t${path}\t${version}\t${sum}`]
    : // BuildInfo.String ends the line of a replacement twice.
      [`${word}\t${path}\t${version}`, `=>\t${replace.path}\t${replace.version}\t${replace.sum}`, ''];
}

function quoted(text: string, when: RegExp): string {
  // JSON and strconv.Quote agree on all that stands in flags: spaces, quotes, backslashes, tabs and line breaks.
  return when.test(text) ? JSON.stringify(text) : text;
}

function main(): void {
  const { values, positionals } = parseArgs({
    options: { count: { type: 'string', default: '100000' } },
    allowPositionals: true,
  });
  const roots = positionals.length > 0 ? positionals : goRoots;
  const { equal, without, differences } = compare(pick(findElfFiles(roots), Number(values.count)));
  for (const difference of differences) {
    process.stdout.write(`${difference}\n`);
  }
  process.stdout.write(
    `${equal} files equal, ${differences.length} differ; ${without} have no build information for either\n`,
  );
  process.exitCode = differences.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  main();
}
