import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../cli/directories.js';
import { compilePolicies } from '../src/policy/compile-policies.ts';
import { packOpaProgram } from '../src/policy/opa-program.ts';
import { writeBundle } from '../src/policy/policy-bundle.ts';
import { bundleProgram } from './bundle-program.ts';

/**
 * Builds `dist/`, which is what gets published: JavaScript and types, the policies compiled, and the Rego compiler
 * packed, so that an installed elfgate needs neither Go nor a C compiler.
 */
const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const options = { cacheDirectory: cacheDirectory(process.env), environment: process.env };

rmSync(dist, { recursive: true, force: true });
const compiler = join(root, 'node_modules', '.bin', 'tsc');
const compiled = spawnSync(compiler, ['-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
if (compiled.status !== 0) {
  process.exit(1);
}
await bundleProgram(dist);
await writeBundle(join(dist, 'policies'), await compilePolicies([join(root, 'policies')], options));
// Own rules are compiled together with the sources of the built-in ones.
cpSync(join(root, 'policies'), join(dist, 'policies'), {
  recursive: true,
  filter: (source) => !source.endsWith('_test.rego'),
});
await packOpaProgram(join(dist, 'src', 'policy', 'opa'), options);
