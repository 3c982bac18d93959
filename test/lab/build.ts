/**
 * Builds the lab: `node test/lab/build.ts [--list] [NAME…]`.
 *
 * Progress goes to standard error. With --list a table of names and paths goes to standard output. A NAME that ends in
 * `/` stands for all artifacts whose names begin so. Exit code 1 when a recipe fails; a missing tool is no failure.
 */

import { parseArgs } from 'node:util';
import { type Artifact, type ArtifactName, artifact, artifactNames, isArtifactName } from './lab.ts';

const { values, positionals } = parseArgs({ options: { list: { type: 'boolean' } }, allowPositionals: true });

const names = positionals.length === 0 ? artifactNames : positionals.flatMap(namesFor);
const results = new Map<ArtifactName, Artifact | Error>();
const started = performance.now();

await Promise.all(
  names.map(async (name) => {
    const result = await artifact(name).catch((cause: unknown) =>
      cause instanceof Error ? cause : new Error(String(cause)),
    );
    results.set(name, result);
    process.stderr.write(`${progressLine(name, result)}\n`);
  }),
);

process.stderr.write(`${summary()}\n`);
if (values.list) {
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) {
    const result = results.get(name);
    const place = result === undefined || result instanceof Error ? 'failed' : result.available ? result.path : '-';
    process.stdout.write(`${name.padEnd(width)}  ${place}\n`);
  }
}
process.exitCode = count((result) => result instanceof Error) === 0 ? 0 : 1;

function namesFor(argument: string): readonly ArtifactName[] {
  const matching = argument.endsWith('/')
    ? artifactNames.filter((name) => name.startsWith(argument))
    : [argument].filter(isArtifactName);
  if (matching.length === 0) {
    process.stderr.write(`${argument}: no such artifact; node test/lab/build.ts --list names them\n`);
    process.exit(2);
  }
  return matching;
}

function progressLine(name: ArtifactName, result: Artifact | Error): string {
  if (result instanceof Error) {
    return `${name}: failed: ${result.message}`;
  }
  if (!result.available) {
    return `${name}: unavailable: ${result.reason}`;
  }
  return result.origin === 'cache' ? `${name}: cached` : `${name}: built in ${result.seconds.toFixed(1)} s`;
}

function summary(): string {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const built = count((result) => !(result instanceof Error) && result.available && result.origin === 'built');
  const cached = count((result) => !(result instanceof Error) && result.available && result.origin === 'cache');
  const unavailable = count((result) => !(result instanceof Error) && !result.available);
  const failed = count((result) => result instanceof Error);
  return `${names.length} artifacts in ${seconds} s: ${built} built, ${cached} cached, ${unavailable} unavailable, ${failed} failed`;
}

function count(matches: (result: Artifact | Error) => boolean): number {
  return [...results.values()].filter(matches).length;
}
