import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compilePolicies } from '../src/policy/compile-policies.ts';
import {
  type Configuration,
  defaultConfiguration,
  findConfiguration,
  loadConfiguration,
} from '../src/policy/configuration/configuration.ts';
import type { OpaOptions } from '../src/policy/opa-program.ts';
import { type PolicyBundle, readBundle } from '../src/policy/policy-bundle.ts';
import { cacheDirectory } from './directories.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

// Sources in a checkout; in the published package they lie beside what was compiled of them.
const builtIn = join(import.meta.dirname, '..', 'policies');

/**
 * The policies that a command works with, compiled: the built-in ones, and those of further directories.
 *
 * The published package has the built-in ones compiled already; everything else is compiled when it changed.
 *
 * @throws ElfgateError `policy` when they do not compile, `missing-tool` when the compiler cannot be had.
 */
export async function policiesFor(directories: readonly string[], { env }: Surroundings): Promise<PolicyBundle> {
  if (directories.length === 0 && existsSync(join(builtIn, 'policy.wasm'))) {
    return readBundle(builtIn);
  }
  return compilePolicies(policyDirectories(directories), compilerOptions(env));
}

/** What the Rego compiler needs of the process. */
export function compilerOptions(env: Surroundings['env']): OpaOptions {
  return { cacheDirectory: cacheDirectory(env), environment: env };
}

/** The built-in policies and further ones, as directories of sources. */
export function policyDirectories(further: readonly string[]): readonly string[] {
  return [builtIn, ...further.filter((directory) => resolve(directory) !== builtIn)];
}

/** The configuration that the options name, else the nearest one above the working directory, else none. */
export async function configurationFor(
  options: Pick<SharedOptions, 'config'>,
  surroundings: Surroundings,
  bundle: PolicyBundle,
): Promise<Configuration> {
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
  const file = options.config ?? findConfiguration(surroundings.cwd());
  return file === null ? defaultConfiguration : loadConfiguration(file, (await policiesFor([], surroundings)).rules);
}
