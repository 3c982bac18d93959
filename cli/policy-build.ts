import { copyFileSync, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import { compilePolicies } from '../src/policy/compile-policies.ts';
import { readPolicySources } from '../src/policy/policy-sources.ts';
import { cacheDirectory } from './directories.ts';
import { writeOutput } from './output.ts';
import { bundleDirectories, compilerOptions, namespacesOf, type PolicyOptions, unpackedPolicies } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/**
 * `elfgate policy build [DIR…] --output-file bundle.tar.gz`: a bundle of own rules, or of the built-in ones. Packed
 * bundles are kept in the cache under their revision, so that one that did not change is only copied.
 */
export async function policyBuildCommand(
  directories: readonly string[],
  options: SharedOptions & Pick<PolicyOptions, 'namespace' | 'allNamespaces'>,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { outputFile, ...printing } = options;
  if (outputFile === undefined) {
    throw usageError('policy build needs a file to write', 'elfgate policy build DIR --output-file bundle.tar.gz');
  }
  const { env } = surroundings;
  const given = bundleDirectories(await unpackedPolicies(directories, env));
  const bundle = await compilePolicies(given, { ...compilerOptions(env), ...namespacesOf(options) });
  const packed = join(cacheDirectory(env), 'packed', `${bundle.revision}.tar.gz`);
  if (!existsSync(packed)) {
    const { packBundle } = await import('../src/policy/bundle-archive.ts');
    const bytes = await packBundle(bundle, readPolicySources(given));
    mkdirSync(dirname(packed), { recursive: true });
    const unfinished = `${packed}.${process.pid}`;
    writeFileSync(unfinished, bytes);
    renameSync(unfinished, packed);
  }
  try {
    copyFileSync(packed, outputFile);
  } catch (cause) {
    throw new ElfgateError('unreadable', `${outputFile}: cannot be written`, {
      hint: 'check that the directory exists and may be written to',
      cause,
    });
  }
  const { size } = statSync(outputFile);
  const { revision, rules } = bundle;
  const text =
    options.output === 'json'
      ? `${JSON.stringify({ file: outputFile, revision, rules: rules.map(({ id }) => id), bytes: size }, null, 2)}\n`
      : `${outputFile}: ${rules.length} rules, ${size} bytes, revision ${revision.slice(0, 12)}\n`;
  await writeOutput(text, printing, surroundings);
  return 0;
}
