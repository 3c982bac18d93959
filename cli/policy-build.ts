import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import { limits } from '../src/limits.ts';
import { makeRoom, noteUse } from '../src/policy/cache-room.ts';
import { compilePolicies } from '../src/policy/compile-policies.ts';
import type { PolicyBundle } from '../src/policy/policy-bundle.ts';
import { readPolicySources } from '../src/policy/policy-sources.ts';
import { cacheDirectory } from './directories.js';
import { writeOutput } from './output.ts';
import { bundleDirectories, compilerOptions, namespacesOf, type PolicyOptions, policiesOnDisk } from './policies.ts';
import type { ArtifactOptions } from './policy-artifacts.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export type PolicyBuildOptions = SharedOptions & ArtifactOptions & Pick<PolicyOptions, 'namespace' | 'allNamespaces'>;

/** `elfgate policy build [DIR…] --output-file bundle.tar.gz`: a bundle of own rules, or of the built-in ones. */
export async function policyBuildCommand(
  directories: readonly string[],
  options: PolicyBuildOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { outputFile, ...printing } = options;
  if (outputFile === undefined) {
    throw usageError('policy build needs a file to write', 'elfgate policy build DIR --output-file bundle.tar.gz');
  }
  const { bundle, packed } = await packedBundle(directories, options, surroundings);
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

/** `elfgate policy push REFERENCE [DIR…]`: the same bundle, as an artifact of a registry. */
export async function policyPushCommand(
  reference: string,
  directories: readonly string[],
  options: PolicyBuildOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { bundle, packed } = await packedBundle(directories, options, surroundings);
  const { revision, rules } = bundle;
  const { pushedPolicies } = await import('./policy-artifacts.ts');
  const pushed = await pushedPolicies(reference, { packed: readFileSync(packed), revision }, options, surroundings);
  const text =
    options.output === 'json'
      ? `${JSON.stringify({ reference: pushed, revision, rules: rules.map(({ id }) => id) }, null, 2)}\n`
      : `${pushed}\n`;
  await writeOutput(text, options, surroundings);
  if (options.quiet !== true) {
    surroundings.stderr.write(`  = next: cosign sign ${pushed}; elfgate check --policy oci:${pushed} TARGET\n`);
  }
  return 0;
}

/** Packed bundles are kept in the cache under their revision, so that one that did not change is only copied. */
async function packedBundle(
  directories: readonly string[],
  options: PolicyBuildOptions,
  surroundings: Surroundings,
): Promise<{ readonly bundle: PolicyBundle; readonly packed: string }> {
  const { env } = surroundings;
  const given = bundleDirectories(await policiesOnDisk(directories, options, surroundings));
  const bundle = await compilePolicies(given, { ...compilerOptions(env), ...namespacesOf(options) });
  if (bundle.rules.length === 0) {
    throw new ElfgateError('policy', `${directories.join(', ')}: holds no rule`, {
      hint: 'elfgate policy new FAMILY/NAME makes one',
    });
  }
  const part = join(cacheDirectory(env), 'packed');
  const packed = join(part, `${bundle.revision}.tar.gz`);
  if (!existsSync(packed)) {
    const { packBundle } = await import('../src/policy/bundle-archive.ts');
    const bytes = await packBundle(bundle, readPolicySources(given, { tests: false }));
    mkdirSync(dirname(packed), { recursive: true });
    const unfinished = `${packed}.${process.pid}`;
    writeFileSync(unfinished, bytes);
    renameSync(unfinished, packed);
    makeRoom(part, limits.cachedPolicyBytes);
  } else {
    noteUse(packed);
  }
  return { bundle, packed };
}
