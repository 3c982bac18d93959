import type { OpaOptions } from '../opa-program.ts';
import { policyError } from '../policy-problems.ts';
import type { PolicySources } from '../policy-sources.ts';
import { conftestRules } from './conftest.ts';
import type { Namespaces } from './namespaces.ts';

/**
 * Policies that were written for other programs, made rules: packages of Conftest that state `deny`, `violation` or
 * `warn`, and constraints of Gatekeeper with their templates. For each, a rule is added to the sources that runs it as it
 * is. What the sources hold of elfgate's own rules stays as it is.
 *
 * @param namespaces packages that are taken for Conftest's.
 * @throws ElfgateError `policy` for a template or constraint that is not valid, and for packages of which none is chosen;
 * `missing-tool` as {@link askOpa}.
 */
export async function withAdoptedPolicies(
  sources: PolicySources,
  namespaces: Namespaces,
  options: OpaOptions,
): Promise<PolicySources> {
  const { policies, manifests } = sources;
  const others = Object.fromEntries(Object.entries(policies).filter(([, text]) => !isOwn(text)));
  if (Object.keys(others).length === 0 && Object.keys(manifests).length === 0) {
    return sources;
  }
  const locations = new Map(sources.locations);
  const adopted: Record<string, string> = {};
  const roots: Record<string, readonly string[]> = {};
  if (Object.keys(others).length > 0) {
    const { askOpa } = await import('../opa.ts');
    const asked = await askOpa('outline', { sources: others }, options);
    if (asked.outcome === 'rejected') {
      throw policyError(asked.problems, sources);
    }
    for (const { path, text, location } of conftestRules(asked.answer, namespaces)) {
      adopted[path] = text;
      locations.set(path, sources.locations.get(location) ?? location);
    }
  }
  if (Object.keys(manifests).length > 0) {
    const { gatekeeperRules } = await import('./gatekeeper.ts');
    for (const { path, text, location, root } of gatekeeperRules(manifests, sources.locations)) {
      adopted[path] = text;
      locations.set(path, location);
      if (root !== null) {
        roots[path] = root;
      }
    }
  }
  return { ...sources, policies: { ...policies, ...adopted }, roots, locations };
}

/**
 * Whether a file belongs to a package of elfgate's own conventions, or to a template of Gatekeeper that was imported and
 * that a rule runs. Rego allows nothing before it but comments.
 */
function isOwn(text: string): boolean {
  return /^\s*package\s+(?:elfgate|gatekeeper_templates)\b/m.test(text);
}
