import { ElfgateError } from '../../errors.ts';
import { askOpa } from '../opa.ts';
import type { OpaOptions } from '../opa-program.ts';
import { policyError } from '../policy-problems.ts';
import { readPolicySources } from '../policy-sources.ts';
import { importedRules } from './gatekeeper.ts';

/**
 * Constraints of Gatekeeper with their templates, as folders of rules: text by path, formatted, in Rego v1.
 *
 * @param paths files and directories.
 * @throws ElfgateError `policy` for a template or constraint that is not valid, and where there is none.
 */
export async function importRules(
  paths: readonly string[],
  options: OpaOptions,
): Promise<Readonly<Record<string, string>>> {
  const read = readPolicySources(paths);
  const files = importedRules(read.manifests, read.locations);
  if (files.length === 0) {
    throw new ElfgateError('policy', `${paths.join(', ')}: holds no constraint of Gatekeeper`, {
      hint: 'name a ConstraintTemplate and an object of its kind; policies of Conftest run as they are',
    });
  }
  const sources = Object.fromEntries(files.map(({ path, text }) => [path, text]));
  const roots = Object.fromEntries(files.flatMap(({ path, root }) => (root === null ? [] : [[path, root]])));
  const asked = await askOpa('modernise', { sources, roots }, options);
  if (asked.outcome === 'rejected') {
    const locations = new Map(files.map(({ path, location }) => [path, location]));
    throw policyError(asked.problems, { ...read, policies: sources, locations });
  }
  return Object.fromEntries(asked.answer.map(({ file, text }) => [file, text]));
}
