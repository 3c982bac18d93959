import type { TrustInspector } from '../src/facts/inspected-target.ts';
import type { Configuration } from '../src/policy/configuration/configuration.ts';
import { trustFor } from '../src/policy/configuration/trust-schema.ts';
import type { RuleInForce } from '../src/policy/enforcement.ts';
import type { RuleMetadata } from '../src/policy/rule-metadata.ts';
import { hasTrustNextToIt } from '../src/trust/next-to-file.ts';
import type { SecondVerifier } from '../src/trust/second-opinion.ts';
import { factsRevision } from './facts-revision.ts';
import type { ImageOptions } from './images.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Tells who made targets. Registries are asked for signatures only when the configuration trusts somebody, or a rule is
 * on that judges nothing else.
 */
export function trustInspectorFor(
  configuration: Configuration,
  rules: readonly RuleMetadata[],
  inForce: ReadonlyMap<string, RuleInForce>,
  options: ImageOptions,
  { env }: Surroundings,
): TrustInspector {
  const { trust } = configuration;
  const isAlwaysAsked = isTrustAsked(configuration, rules, inForce);
  let loading: Promise<TrustInspector> | undefined;
  const load = (): Promise<TrustInspector> => {
    loading ??= import('../src/facts/trust-inspector.ts').then(({ trustInspector }) =>
      trustInspector({
        choose: (name) => trustFor(trust, name),
        secondVerifier: trust.engine === 'native' ? null : secondVerifier(trust.engine, configuration, options, env),
        revision: factsRevision(),
        now: () => new Date(),
      }),
    );
    return loading;
  };
  return {
    ofImage: async (image, patience) => (isAlwaysAsked ? (await load()).ofImage(image, patience) : null),
    ofFile: async (path) => (isAlwaysAsked || hasTrustNextToIt(path) ? (await load()).ofFile(path) : null),
  };
}

/** Whether signatures of every image are wanted. */
export function isTrustAsked(
  { trust, rules: configured }: Configuration,
  rules: readonly RuleMetadata[],
  inForce: ReadonlyMap<string, RuleInForce>,
): boolean {
  const isWanted = rules.some(
    ({ id, facts, sets }) =>
      inForce.has(id) && facts.includes('trust') && (configured.has(id) || !sets.includes('recommended')),
  );
  return trust.images.length > 0 || isWanted;
}

/** The cosign program, found once it is needed. */
export function secondVerifier(
  engine: SecondVerifier['engine'],
  configuration: Configuration,
  options: ImageOptions,
  environment: Surroundings['env'],
): (repository: string) => Promise<SecondVerifier> {
  let opening: Promise<SecondVerifier['cosign']> | undefined;
  return async (repository) => {
    opening ??= import('../src/trust/cosign.ts').then(({ openCosign }) =>
      openCosign({ program: 'cosign', environment }),
    );
    const [host = ''] = repository.split('/');
    return { engine, cosign: await opening, registry: { plainHttp: speaksPlainHttp(configuration, options, host) } };
  };
}

/** Whether a registry is named as one without TLS. */
export function speaksPlainHttp(
  { registries }: Configuration,
  { plainHttp = [] }: ImageOptions,
  host: string,
): boolean {
  return plainHttp.includes(host) || registries.some((registry) => registry.host === host && registry.plainHttp);
}
