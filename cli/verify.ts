import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import { imageSourceOf } from '../src/image/image-source.ts';
import { type ChosenTrust, trustFor } from '../src/policy/configuration/trust-schema.ts';
import { isEmpty } from '../src/trust/anchors.ts';
import { loadAnchors } from '../src/trust/load-anchors.ts';
import {
  type IdentitySettings,
  isKeyService,
  noTrust,
  type TrustEngine,
  type TrustSettings,
} from '../src/trust/trust-settings.ts';
import { type ImageOptions, imageAccess } from './images.ts';
import { usesColor, writeOutput } from './output.ts';
import { configurationIfAny } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';
import { secondVerifier } from './trust.ts';
import type { VerifyReport } from './verify-text.ts';

export interface VerifyOptions extends SharedOptions, ImageOptions {
  readonly key?: readonly string[];
  readonly certificateIdentity?: string;
  readonly certificateIdentityRegexp?: string;
  readonly certificateOidcIssuer?: string;
  readonly certificateOidcIssuerRegexp?: string;
  readonly caRoots?: string;
  readonly caIntermediates?: string;
  readonly revocationList?: readonly string[];
  readonly trustedRoot?: readonly string[];
  readonly notationPolicy?: string;
  readonly notationStore?: string;
  readonly engine?: TrustEngine;
  readonly explain?: boolean;
}

/** `elfgate verify IMAGE`: who signed it, and whether somebody who is trusted did. */
export async function verifyCommand(
  name: string,
  options: VerifyOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const configuration = await configurationIfAny(options, surroundings);
  const named = settingsOf(options);
  const isFile = existsSync(name) && statSync(name).isFile();
  const source = isFile ? null : imageSourceOf(name, existsSync);
  if (!isFile && source === null) {
    throw usageError(
      `${name}: there is no such file, and it is no image reference`,
      'elfgate verify registry.example.com/app:1.2',
    );
  }
  const trustName = await trustNameOf(name, source);
  const chosen: ChosenTrust =
    named === null ? trustFor(configuration.trust, trustName) : { settings: named, pattern: null, overruled: [] };
  if (options.explain === true) {
    await writeOutput(explanation(trustName, chosen, named !== null, configuration.file), options, surroundings);
    return 0;
  }
  const engine = options.engine ?? configuration.trust.engine;
  const anchors = await loadAnchors(chosen.settings, engine === 'native' ? 'native' : 'with-cosign');
  if (isEmpty(anchors) && !(engine !== 'native' && chosen.settings.keys.some(isKeyService))) {
    throw nothingTrusted(trustName, chosen, named !== null);
  }
  const images = imageAccess(options, configuration.registries, surroundings);
  try {
    const report =
      source === null
        ? await (await import('./verify-targets.ts')).verifyFileTarget(name, anchors)
        : await (await import('./verify-targets.ts')).verifyImageTarget(source, {
            anchors,
            settings: chosen.settings,
            secondVerifier:
              engine === 'native' ? null : secondVerifier(engine, configuration, options, surroundings.env),
            access: await images.open(),
          });
    await writeOutput(await render(report, options, surroundings), options, surroundings);
    return report.verified ? 0 : 1;
  } finally {
    images.close();
  }
}

/** What patterns of the configuration are compared with: registry and repository, or the path of a file. */
async function trustNameOf(name: string, source: ReturnType<typeof imageSourceOf>): Promise<string> {
  return source?.kind === 'registry' ? `${source.reference.registry}/${source.reference.repository}` : name;
}

/** What the options say is trusted; null when they say nothing and the configuration decides. */
function settingsOf(options: VerifyOptions): TrustSettings | null {
  const { key = [], trustedRoot = [], caRoots, notationPolicy, notationStore, revocationList = [] } = options;
  const { certificateIdentity: subject, certificateIdentityRegexp: subjectPattern } = options;
  const { certificateOidcIssuer: issuer, certificateOidcIssuerRegexp: issuerPattern } = options;
  const given = [subject, subjectPattern, issuer, issuerPattern, caRoots, notationPolicy, notationStore];
  if (key.length === 0 && trustedRoot.length === 0 && given.every((value) => value === undefined)) {
    return null;
  }
  if ((notationPolicy === undefined) !== (notationStore === undefined)) {
    throw usageError('--notation-policy and --notation-store belong together', 'give both');
  }
  if ((issuer ?? issuerPattern) !== undefined && (subject ?? subjectPattern) === undefined) {
    throw usageError(
      'an issuer vouches for many people: it says nothing without an identity',
      'give --certificate-identity',
    );
  }
  const hasIdentity = (subject ?? subjectPattern) !== undefined;
  if (hasIdentity && (issuer ?? issuerPattern) === undefined && caRoots === undefined) {
    throw usageError('anybody can vouch for an identity unless its issuer is named', 'give --certificate-oidc-issuer');
  }
  return {
    ...noTrust,
    keys: key,
    trustedRoots: trustedRoot,
    identities: hasIdentity ? [{ subject, subjectPattern, issuer, issuerPattern }] : [],
    authorities:
      caRoots === undefined
        ? []
        : [
            {
              name: caRoots,
              roots: caRoots,
              intermediates: options.caIntermediates ?? null,
              revocationLists: revocationList,
            },
          ],
    notation:
      notationPolicy === undefined || notationStore === undefined
        ? null
        : { policy: resolve(notationPolicy), store: resolve(notationStore) },
  };
}

function nothingTrusted(name: string, { settings, pattern }: ChosenTrust, byOptions: boolean): ElfgateError {
  if (byOptions || pattern !== null) {
    const hasIdentities = settings.identities.length > 0;
    return new ElfgateError(
      'configuration',
      hasIdentities
        ? `${name}: an identity is trusted, and no root that its certificates would lead to`
        : `${name}: a root is trusted, and nobody whose certificates lead to it`,
      {
        hint: hasIdentities
          ? 'give --trusted-root or --ca-roots'
          : 'give --certificate-identity and --certificate-oidc-issuer',
      },
    );
  }
  return new ElfgateError('configuration', `${name}: nobody is trusted to sign it, so nothing can be verified`, {
    hint: 'elfgate verify --key cosign.pub IMAGE, or trust in elfgate.yaml',
  });
}

function explanation(
  name: string,
  { settings, pattern, overruled }: ChosenTrust,
  byOptions: boolean,
  file: string | null,
): string {
  const lines = [
    byOptions
      ? `${name}: decided by the options of this command`
      : pattern === null
        ? `${name}: no pattern of ${file ?? 'a configuration'} matches, so nobody is trusted`
        : `${name}: decided by ${pattern} of ${file}, the longest pattern that matches`,
    ...overruled.map((other) => `  overruled: ${other}`),
    ...settings.keys.map((key) => `  key: ${key}`),
    ...settings.identities.map((identity) => `  identity: ${identityText(identity)}`),
    ...settings.trustedRoots.map((root) => `  Sigstore root: ${root}`),
    ...settings.authorities.map((authority) => `  authority ${authority.name}: ${authority.roots}`),
    ...(settings.notation === null ? [] : [`  Notary Project policy: ${settings.notation.policy}`]),
    ...settings.attestations.map((type) => `  required attestation: ${type}`),
    ...(settings.inspectors === null
      ? []
      : [
          `  inspectors: ${[...settings.inspectors.keys, ...settings.inspectors.identities.map(identityText)].join(', ')}`,
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

function identityText({ subject, subjectPattern, issuer, issuerPattern }: IdentitySettings): string {
  const vouching = issuerPattern === undefined ? 'any issuer of an own authority' : `/${issuerPattern}/`;
  return `${subject ?? `/${subjectPattern}/`} of ${issuer ?? vouching}`;
}

async function render(report: VerifyReport, options: VerifyOptions, { env, stdout }: Surroundings): Promise<string> {
  if (options.output === 'json') {
    return `${JSON.stringify(report, null, 2)}\n`;
  }
  const { renderVerifyText } = await import('./verify-text.ts');
  return renderVerifyText(report, options.outputFile === undefined && usesColor(options.color, env, stdout));
}
