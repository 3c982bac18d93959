/**
 * Damages real files at random and inspects them: whatever the bytes, the reader answers or says what is wrong with
 * them, soon and in little memory.
 *
 *     node test/fuzz/mutations.ts [--seed 1] [--count 50000]
 *     node test/fuzz/mutations.ts --seed 1 --file c/versions --mutation 17     one mutation again
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bufferSource } from '../../src/bytes/byte-source.ts';
import { ElfgateError } from '../../src/errors.ts';
import { inspectBinary } from '../../src/facts/binary-facts.ts';
import { type ArtifactName, artifact, isArtifactName } from '../lab/lab.ts';
import { type Mutation, mutate, type Region, regionsOf } from './mutation.ts';

/** Files to damage, and how often in a thousand: large ones seldom, since each inspection reads all of them. */
const corpus: readonly (readonly [ArtifactName, number])[] = [
  ...(['c/versions', 'c/symbol-kinds', 'c/needy-linked', 'c/unique', 'c/runpath-empty-element'] as const).map(
    (name) => [name, 80] as const,
  ),
  ...(['c/hash-sysv', 'c/hash-both', 'c/relr', 'c/textrel', 'c/without-sections'] as const).map(
    (name) => [name, 60] as const,
  ),
  ...(['cross/library-arm64', 'cross/library-s390x', 'c/vsyscall', 'c/hello', 'bpf/uprobe'] as const).map(
    (name) => [name, 52] as const,
  ),
  ...(['c/hello-static-stripped', 'c/hello-musl-static'] as const).map((name) => [name, 10] as const),
  ...(['go/plugin', 'go/host', 'go/plugin@1.19', 'cross/hello-386', 'cross/plugin-s390x'] as const).map(
    (name) => [name, 4] as const,
  ),
];

export interface FuzzReport {
  readonly mutations: number;
  /** How many of them the reader refused. */
  readonly refused: number;
  readonly failures: readonly string[];
  readonly slowest: { readonly milliseconds: number; readonly mutation: string };
  /** By how much the memory of this thread grew, garbage included, bytes. */
  readonly grownBytes: number;
  /** Files of the corpus that this machine cannot make. */
  readonly missing: readonly string[];
}

/** Longest time that one inspection may take, milliseconds. */
const longest = 2_000;

/** Runs about `count` mutations over the whole corpus. */
export async function fuzz(seed: number, count: number): Promise<FuzzReport> {
  const before = heldBytes();
  const failures: string[] = [];
  const missing: string[] = [];
  let slowest = { milliseconds: 0, mutation: 'none' };
  let mutations = 0;
  let refused = 0;
  for (const [name, share] of corpus) {
    const file = await artifact(name);
    if (!file.available) {
      missing.push(`${name}: ${file.reason}`);
      continue;
    }
    const damaged = damage(name, file.path);
    for (let index = 0; index < (count * share) / 1_000; index++) {
      const outcome = damaged.try(seed, index);
      mutations += 1;
      refused += outcome.refusal === null ? 0 : 1;
      if (outcome.failure !== null) {
        failures.push(outcome.failure);
      }
      if (outcome.milliseconds > slowest.milliseconds) {
        slowest = { milliseconds: outcome.milliseconds, mutation: outcome.mutation };
      }
    }
  }
  return { mutations, refused, failures, slowest, grownBytes: heldBytes() - before, missing };
}

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

interface Outcome {
  readonly mutation: string;
  readonly milliseconds: number;
  /** The reader's own error, which is no failure. */
  readonly refusal: string | null;
  readonly failure: string | null;
}

function damage(name: string, path: string): { readonly try: (seed: number, index: number) => Outcome } {
  const bytes = readFileSync(path);
  const regions = regionsOf(bytes);
  return { try: (seed, index) => attempt(name, bytes, regions, seed, index) };
}

function attempt(
  name: string,
  bytes: Buffer,
  regions: readonly [Region, ...Region[]],
  seed: number,
  index: number,
): Outcome {
  const mutation: Mutation = mutate(bytes, regions, (Math.imul(seed, 0x9e3779b1) + Math.imul(index, 0x85ebca6b)) >>> 0);
  const replay = `--seed ${seed} --file ${name} --mutation ${index}: ${mutation.description}`;
  const start = performance.now();
  let refusal: string | null = null;
  let failure: string | null = null;
  try {
    inspectBinary(bufferSource(mutation.bytes), {
      path: name,
      root: null,
      role: null,
      named: true,
      symbols: 'listed',
    });
  } catch (error) {
    if (error instanceof ElfgateError && (error.code === 'malformed' || error.code === 'unsupported-format')) {
      refusal = error.message;
    } else {
      failure = `${replay}\n${error instanceof Error ? error.stack : String(error)}`;
    }
  } finally {
    mutation.undo();
  }
  const milliseconds = performance.now() - start;
  if (milliseconds > longest) {
    failure ??= `${replay}\ntook ${Math.round(milliseconds)} ms`;
  }
  return { mutation: replay, milliseconds, refusal, failure };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '50000' },
      file: { type: 'string' },
      mutation: { type: 'string' },
    },
  });
  const seed = Number(values.seed);
  if (values.file !== undefined && values.mutation !== undefined) {
    if (!isArtifactName(values.file)) {
      throw new Error(`${values.file}: the lab has no such artifact`);
    }
    const file = await artifact(values.file);
    if (!file.available) {
      throw new Error(file.reason);
    }
    const outcome = damage(values.file, file.path).try(seed, Number(values.mutation));
    process.stdout.write(`${JSON.stringify(outcome, null, 2)}\n`);
    process.exitCode = outcome.failure === null ? 0 : 1;
    return;
  }
  const start = performance.now();
  const report = await fuzz(seed, Number(values.count));
  process.stdout.write(
    [
      ...report.failures.slice(0, 20),
      ...report.missing,
      `seed ${seed}: ${report.mutations} mutations, ${report.refused} refused, ${report.failures.length} failures`,
      `${((performance.now() - start) / 1_000).toFixed(1)} s; memory grew by ${Math.round(report.grownBytes / 1e6)} MB`,
      `slowest ${report.slowest.milliseconds.toFixed(0)} ms: ${report.slowest.mutation}`,
      '',
    ].join('\n'),
  );
  process.exitCode = report.failures.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  await main();
}
