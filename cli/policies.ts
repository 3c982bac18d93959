import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import type { CompileOptions } from '../src/policy/compile-policies.ts';
import type { Configuration } from '../src/policy/configuration/configuration.ts';
import type { OpaOptions } from '../src/policy/opa-program.ts';
import { type PolicyBundle, readBundle } from '../src/policy/policy-bundle.ts';
import type { PolicyDirectory } from '../src/policy/policy-sources.ts';
import type { RuleMetadata } from '../src/policy/rule-metadata.ts';
import { cacheDirectory } from './directories.js';
import type { ArtifactOptions } from './policy-artifacts.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

// Sources in a checkout; in the published package they lie beside what was compiled of them.
const builtIn = join(import.meta.dirname, '..', 'policies');

/** What gathers the findings of rules, and what rules share; without the built-in rules. */
const engine: PolicyDirectory = { directory: builtIn, parts: ['main.rego', 'lib'] };

/** Which policies a command is to work with. */
export interface PolicyOptions {
  /** Directories, bundles (`.tar.gz`) and files of own policies. */
  readonly policy?: readonly string[];
  /** Leave the built-in rules out. */
  readonly onlyPolicy?: boolean;
  /** Packages of Conftest. */
  readonly namespace?: readonly string[];
  readonly allNamespaces?: boolean;
}

/**
 * The policies that a command works with, compiled: the built-in ones, and own ones next to them or instead of them.
 *
 * The published package has the built-in ones compiled already; everything else is compiled when it changed.
 *
 * @throws ElfgateError `policy` when they do not compile, `missing-tool` when the compiler cannot be had.
 */
export async function policiesFor(
  options: PolicyOptions & ArtifactOptions,
  surroundings: Surroundings,
): Promise<PolicyBundle> {
  const { env } = surroundings;
  const { policy = [], onlyPolicy = false } = options;
  if (policy.length === 0) {
    if (onlyPolicy) {
      throw usageError('--only-policy needs policies of your own', 'elfgate check --only-policy --policy DIR TARGET');
    }
    if (existsSync(join(builtIn, 'policy.wasm'))) {
      return readBundle(builtIn);
    }
  }
  const own = await policiesOnDisk(policy, options, surroundings);
  const { compilePolicies } = await import('../src/policy/compile-policies.ts');
  const bundle = await compilePolicies(onlyPolicy ? [engine, ...own] : policyDirectories(own), {
    ...compilerOptions(env),
    ...namespacesOf(options),
  });
  if (isAskedForOwn(options) && !bundle.rules.some(isOwn)) {
    throw new ElfgateError('policy', `${policy.join(', ')}: holds no rule`, {
      hint: 'elfgate policy new FAMILY/NAME makes one; packages of Conftest and constraints of Gatekeeper are rules, too',
    });
  }
  return bundle;
}

/**
 * Own rules of which none is on judge nothing, which must not look like finding nothing.
 *
 * @throws ElfgateError `configuration`
 */
export function assertOwnRuleOn(
  { rules }: PolicyBundle,
  inForce: ReadonlyMap<string, unknown>,
  options: PolicyOptions,
): void {
  const own = rules.filter(isOwn);
  if (isAskedForOwn(options) && !own.some(({ id }) => inForce.has(id))) {
    const [{ id } = { id: '' }] = own;
    throw new ElfgateError('configuration', `no rule of ${options.policy?.join(', ')} is on`, {
      hint: `name the rule in elfgate.yaml, as rules: { ${id}: {} }, or a rule set in its METADATA (custom.sets)`,
    });
  }
}

function isAskedForOwn({ policy = [] }: PolicyOptions): boolean {
  return policy.some((path) => resolve(path) !== builtIn);
}

function isOwn({ file }: RuleMetadata): boolean {
  return !existsSync(join(builtIn, file));
}

/** The packages of Conftest that options choose. */
export function namespacesOf({
  namespace,
  allNamespaces = false,
}: Pick<PolicyOptions, 'namespace' | 'allNamespaces'>): Pick<CompileOptions, 'namespaces'> {
  if (allNamespaces && namespace !== undefined) {
    throw usageError('--namespace and --all-namespaces exclude each other', 'elfgate check --namespace main …');
  }
  return allNamespaces ? { namespaces: 'all' } : namespace === undefined ? {} : { namespaces: namespace };
}

/** Directories stay as they are; bundles are fetched and unpacked into the cache. */
export async function policiesOnDisk(
  given: readonly string[],
  options: ArtifactOptions,
  surroundings: Surroundings,
): Promise<readonly string[]> {
  return Promise.all(
    given.map(async (path) => {
      if (path.startsWith(artifactPrefix)) {
        const { pulledPolicies } = await import('./policy-artifacts.ts');
        return pulledPolicies(path.slice(artifactPrefix.length), options, surroundings);
      }
      if (/\.(?:tar\.gz|tgz)$/.test(path)) {
        const { unpackedPolicies } = await import('./policy-artifacts.ts');
        return unpackedPolicies(path, options, surroundings);
      }
      return path;
    }),
  );
}

const artifactPrefix = 'oci:';

/** What the Rego compiler needs of the process. */
export function compilerOptions(env: Surroundings['env']): OpaOptions {
  return { cacheDirectory: cacheDirectory(env), environment: env };
}

/** The built-ins that OPA itself answers, for policies that call one. */
export function programFor({ env }: Surroundings): () => Promise<WebAssembly.Module> {
  return async () => (await import('../src/policy/opa-program.ts')).opaModule(compilerOptions(env));
}

/** The built-in policies and further ones, as directories of sources. */
export function policyDirectories(further: readonly string[]): readonly string[] {
  return [builtIn, ...further.filter((directory) => resolve(directory) !== builtIn)];
}

/** What a bundle of own policies is made of: they themselves and, where they lack it, what gathers their findings. */
export function bundleDirectories(own: readonly string[]): readonly PolicyDirectory[] {
  if (own.length === 0) {
    return [builtIn];
  }
  return own.some((directory) => existsSync(join(directory, 'main.rego'))) ? own : [engine, ...own];
}

/** The configuration that the options name, else the nearest one above the working directory, else none. */
export async function configurationFor(
  options: Pick<SharedOptions, 'config'>,
  surroundings: Surroundings,
  bundle: PolicyBundle,
): Promise<Configuration> {
  const { defaultConfiguration, findConfiguration, loadConfiguration } = await import(
    '../src/policy/configuration/configuration.ts'
  );
  const file = options.config ?? findConfiguration(surroundings.cwd());
  return file === null ? defaultConfiguration : loadConfiguration(file, bundle.rules);
}

/**
 * The configuration for a command that judges by no rule: without a file, the rules that it could name are not needed.
 */
export async function configurationIfAny(
  options: Pick<SharedOptions, 'config'>,
  surroundings: Surroundings,
): Promise<Configuration> {
  const { defaultConfiguration, findConfiguration, loadConfiguration } = await import(
    '../src/policy/configuration/configuration.ts'
  );
  const file = options.config ?? findConfiguration(surroundings.cwd());
  return file === null ? defaultConfiguration : loadConfiguration(file, (await policiesFor({}, surroundings)).rules);
}
