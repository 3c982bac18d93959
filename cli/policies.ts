import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compilePolicies } from '../src/policy/compile-policies.ts';
import {
  type Configuration,
  defaultConfiguration,
  findConfiguration,
  loadConfiguration,
} from '../src/policy/configuration/configuration.ts';
import { type PolicyBundle, readBundle } from '../src/policy/policy-bundle.ts';
import { cacheDirectory } from './directories.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

// Sources in a checkout; in the published package the same place holds them compiled.
const policies = join(import.meta.dirname, '..', 'policies');

/**
 * The built-in policies, compiled: those of the published package, or of the checkout, which are compiled when they
 * changed.
 *
 * @throws ElfgateError `policy` or `missing-tool` when they cannot be compiled.
 */
export async function builtInPolicies({ env }: Surroundings): Promise<PolicyBundle> {
  return existsSync(join(policies, 'policy.wasm'))
    ? readBundle(policies)
    : compilePolicies([policies], { cacheDirectory: cacheDirectory(env), environment: env });
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
