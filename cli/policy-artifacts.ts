import { ElfgateError } from '../src/errors.ts';
import { formatReference, parseReference, type Reference, tagOrDigest } from '../src/image/reference.ts';
import {
  type Configuration,
  defaultConfiguration,
  findConfiguration,
  loadConfiguration,
} from '../src/policy/configuration/configuration.ts';
import { trustFor } from '../src/policy/configuration/trust-schema.ts';
import { isEmpty } from '../src/trust/anchors.ts';
import { loadAnchors } from '../src/trust/load-anchors.ts';
import { cacheDirectory } from './directories.js';
import { type ImageOptions, imageAccess } from './images.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';
import { secondVerifier } from './trust.ts';
import type { VerifyReport } from './verify-text.ts';

/** What pulling and pushing policies reads of the options of a command. */
export type ArtifactOptions = Pick<SharedOptions, 'config'> & ImageOptions;

/**
 * Pulls a bundle of policies from a registry into the cache, once it is known that whoever has to has signed it.
 *
 * @returns the directory that holds its files.
 * @throws ElfgateError `policy` for a bundle that nobody who is trusted has signed.
 */
export async function pulledPolicies(
  text: string,
  options: ArtifactOptions,
  surroundings: Surroundings,
): Promise<string> {
  const reference = parseReference(text);
  const configuration = await configurationBeforePolicies(options, surroundings);
  const images = imageAccess(options, configuration.registries, surroundings);
  try {
    const access = await images.open();
    const store = access.registries.repository(reference);
    // What is verified and what is read must be the same, whatever happens to a tag in between.
    const { digest } = await store.resolve(tagOrDigest(reference));
    const pinned: Reference = { ...reference, tag: null, digest };
    await requireTrusted(store.name, configuration, options, surroundings, async (question) => {
      const { verifyImageTarget } = await import('./verify-targets.ts');
      return verifyImageTarget({ kind: 'registry', reference: pinned }, { ...question, access });
    });
    const { pullPolicyArtifact } = await import('../src/policy/policy-artifact.ts');
    return await pullPolicyArtifact(store, digest, cacheDirectory(surroundings.env));
  } finally {
    images.close();
  }
}

/** Unpacks a bundle of policies that is a file, under the same conditions: a signature lies next to it. */
export async function unpackedPolicies(
  path: string,
  options: ArtifactOptions,
  surroundings: Surroundings,
): Promise<string> {
  const configuration = await configurationBeforePolicies(options, surroundings);
  await requireTrusted(path, configuration, options, surroundings, async ({ anchors }) => {
    const { verifyFileTarget } = await import('./verify-targets.ts');
    return verifyFileTarget(path, anchors);
  });
  const { unpackBundleFile } = await import('../src/policy/bundle-archive.ts');
  return unpackBundleFile(path, cacheDirectory(surroundings.env));
}

/** Pushes a packed bundle, and gives its reference with the digest. */
export async function pushedPolicies(
  text: string,
  bundle: { readonly packed: Uint8Array; readonly revision: string },
  options: ArtifactOptions,
  surroundings: Surroundings,
): Promise<string> {
  const reference = parseReference(text.replace(/^oci:/, ''));
  if (reference.digest !== null) {
    throw new ElfgateError('usage', `${text}: what is pushed is named by a tag; its digest comes of its content`, {
      hint: `elfgate policy push DIR ${formatReference({ ...reference, digest: null })}`,
    });
  }
  const configuration = await configurationBeforePolicies(options, surroundings);
  const images = imageAccess(options, configuration.registries, surroundings);
  try {
    const { registries } = await images.open();
    const { pushPolicyArtifact } = await import('../src/policy/policy-artifact.ts');
    const digest = await pushPolicyArtifact(registries.repository(reference), bundle.packed, {
      tag: tagOrDigest(reference),
      revision: bundle.revision,
    });
    return formatReference({ ...reference, digest });
  } finally {
    images.close();
  }
}

/** The rules that a configuration may name are not known yet: it says which policies are taken. */
async function configurationBeforePolicies({ config }: ArtifactOptions, { cwd }: Surroundings): Promise<Configuration> {
  const file = config ?? findConfiguration(cwd());
  return file === null ? defaultConfiguration : loadConfiguration(file, null);
}

type Verify = (
  question: Pick<
    Parameters<typeof import('./verify-targets.ts').verifyImageTarget>[1],
    'anchors' | 'settings' | 'secondVerifier'
  >,
) => Promise<VerifyReport>;

async function requireTrusted(
  name: string,
  configuration: Configuration,
  options: ArtifactOptions,
  { env }: Surroundings,
  verify: Verify,
): Promise<void> {
  const { trust, policies } = configuration;
  const { settings, pattern } = trustFor(trust, name);
  if (pattern === null && policies.signature === 'when-trusted') {
    return;
  }
  const anchors = await loadAnchors(settings, trust.engine === 'native' ? 'native' : 'with-cosign');
  if (pattern === null || isEmpty(anchors)) {
    throw new ElfgateError('configuration', `${name}: policies must be signed, and trust names nobody for these`, {
      hint: `trust: { images: [{ pattern: "${name}", keys: [cosign.pub] }] } in ${configuration.file}`,
    });
  }
  const report = await verify({
    anchors,
    settings,
    secondVerifier: trust.engine === 'native' ? null : secondVerifier(trust.engine, configuration, options, env),
  });
  if (!report.verified) {
    const reasons = report.signatures.flatMap(({ reason }) => reason ?? []);
    const why = report.reason ?? (reasons.length === 0 ? 'they are not signed' : reasons.join('; '));
    throw new ElfgateError('policy', `${name}: these policies are signed by nobody who is trusted: ${why}`, {
      hint: `elfgate verify ${name} shows who signed them`,
    });
  }
}
