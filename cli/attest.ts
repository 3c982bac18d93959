import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import { attestedFacts } from '../src/facts/attested-facts.ts';
import { contentsOfImage } from '../src/facts/inspect-image.ts';
import type { ImageAccess } from '../src/facts/inspected-target.ts';
import { printable } from '../src/findings/printable.ts';
import type { Image } from '../src/image/image.ts';
import { openImages } from '../src/image/open-images.ts';
import { formatPlatform } from '../src/image/platform.ts';
import { parseReference, type Reference } from '../src/image/reference.ts';
import { limits } from '../src/limits.ts';
import { type Attestation, isCosignKey, pushBundle, readPrivateKey, signedBundle } from '../src/trust/attest.ts';
import { openCosign } from '../src/trust/cosign.ts';
import { ownPredicates, predicateProblem } from '../src/trust/predicates/own-predicates.ts';
import type { OwnPredicateName } from '../src/trust/predicates/predicate-names.ts';
import { inPrivateDirectory } from '../src/trust/private-directory.ts';
import { isKeyService } from '../src/trust/trust-settings.ts';
import { factsRevision } from './facts-revision.ts';
import { type ImageOptions, imageAccess } from './images.ts';
import { writeOutput } from './output.ts';
import { configurationIfAny } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';
import { speaksPlainHttp } from './trust.ts';

export interface AttestOptions extends SharedOptions, ImageOptions {
  readonly key?: string;
  readonly keyless?: boolean;
  readonly signingConfig?: string;
  readonly identityToken?: string;
  readonly type?: string;
  readonly predicate?: string;
}

/** What was attached to one manifest. */
interface Attached {
  readonly image: string;
  readonly platform: string;
  readonly predicateType: string;
  /** Digest of the attestation's manifest; null when cosign attached it, which does not say. */
  readonly attestation: string | null;
  readonly signedBy: 'elfgate' | 'cosign';
}

type Attach = (image: Image, attestation: Attestation) => Promise<Attached>;

/** `elfgate attest IMAGE`: signs what was found in it, or another claim about it, and attaches that to it. */
export async function attestCommand(
  name: string,
  options: AttestOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const configuration = await configurationIfAny(options, surroundings);
  const reference = parseReference(name.replace(/^registry:/, ''));
  const claimed = claimOf(options);
  const images = imageAccess(options, configuration.registries, surroundings);
  try {
    const access = await images.open();
    const plainHttp = speaksPlainHttp(configuration, options, reference.registry);
    const attach = await attacherFor(reference, options, access, { plainHttp, environment: surroundings.env });
    const attached: Attached[] = [];
    for (const image of await openImages({ kind: 'registry', reference }, access)) {
      attached.push(await attach(image, claimed ?? (await factsOf(image, access))));
    }
    await writeOutput(rendered(attached, options), options, surroundings);
    return 0;
  } finally {
    images.close();
  }
}

async function factsOf(image: Image, access: ImageAccess): Promise<Attestation> {
  const contents = await contentsOfImage(image, { symbols: 'counted' }, access);
  const unread = contents.problems[0];
  if (unread !== undefined) {
    throw new ElfgateError('malformed', `${image.reference}: ${unread.path} cannot be read (${unread.message})`, {
      hint: 'facts that lack a file are not attested: whoever takes them would take it for one that is fine',
    });
  }
  const predicate = attestedFacts(contents, factsRevision(), new Date());
  return { predicateType: ownPredicates['attested-facts'].type, predicate };
}

/** The claim that the options name; null for what elfgate finds in the image itself. */
function claimOf({ type, predicate: file }: AttestOptions): Attestation | null {
  if (type === undefined && file === undefined) {
    return null;
  }
  if (type === undefined || file === undefined) {
    throw usageError('--type and --predicate belong together', 'without both, what is found in the image is attested');
  }
  const own = type in ownPredicates ? ownPredicates[type as OwnPredicateName] : null;
  if (own === null && !/^[a-z][a-z0-9+.-]*:\S+$/.test(type)) {
    throw usageError(
      `${type} is no type of predicate`,
      `${Object.keys(ownPredicates).join(', ')}, or a URI such as https://openvex.dev/ns`,
    );
  }
  const predicate = predicateIn(file);
  const problem = own === null ? null : predicateProblem(own, predicate);
  if (problem !== null) {
    throw new ElfgateError('malformed', `${file}: is no ${type}: ${problem}`, { hint: `elfgate schema ${type}` });
  }
  return { predicateType: own?.type ?? type, predicate };
}

function predicateIn(file: string): unknown {
  const bytes = readNamed(file);
  if (bytes.length > limits.attestationBytes) {
    throw new ElfgateError('limit', `${file}: has more than ${limits.attestationBytes} bytes`);
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new ElfgateError('malformed', `${file}: is not JSON`, { cause });
  }
}

/** Signs here with the key of a file; what else there is, cosign signs with. */
async function attacherFor(
  reference: Reference,
  options: AttestOptions,
  access: ImageAccess,
  calling: { readonly plainHttp: boolean; readonly environment: Surroundings['env'] },
): Promise<Attach> {
  const { key, keyless } = options;
  if ((key === undefined) === (keyless !== true)) {
    throw usageError(
      'an attestation is signed by a key or by an identity',
      'elfgate attest --key inspector.pem IMAGE, or --keyless',
    );
  }
  const pem = key === undefined || isKeyService(key) ? null : readNamed(key).toString('latin1');
  if (key === undefined || pem === null || isCosignKey(pem)) {
    return attachByCosign(reference, options, calling);
  }
  const signingKey = readPrivateKey(pem, key, calling.environment.ELFGATE_KEY_PASSPHRASE ?? null);
  const store = access.registries.repository(reference);
  return async (image, attestation) => {
    const bundle = signedBundle(attestation, store.name, image.digest, signingKey);
    const { predicateType } = attestation;
    const subject = await store.resolve(image.digest);
    const { digest } = await pushBundle(store, subject, bundle, { predicateType, createdAt: new Date() });
    return { ...described(store.name, image, attestation), attestation: digest, signedBy: 'elfgate' };
  };
}

async function attachByCosign(
  { registry, repository }: Reference,
  { key, signingConfig, identityToken }: AttestOptions,
  { plainHttp, environment }: { readonly plainHttp: boolean; readonly environment: Surroundings['env'] },
): Promise<Attach> {
  const cosign = await openCosign({ program: 'cosign', environment });
  const signing = { key: key ?? null, signingConfig: signingConfig ?? null, identityToken: identityToken ?? null };
  return (image, attestation) =>
    inPrivateDirectory(async (directory) => {
      const file = join(directory, 'predicate.json');
      writeFileSync(file, JSON.stringify(attestation.predicate));
      const predicate = { type: attestation.predicateType, file };
      const name = `${registry}/${repository}`;
      await cosign.attest(`${name}@${image.digest}`, predicate, signing, { plainHttp });
      return { ...described(name, image, attestation), attestation: null, signedBy: 'cosign' };
    });
}

function described(name: string, { digest, platform }: Image, { predicateType }: Attestation) {
  return { image: `${name}@${digest}`, platform: formatPlatform(platform), predicateType };
}

function readNamed(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${file}: cannot be read (${code})`, { cause });
  }
}

function rendered(attached: readonly Attached[], { output }: AttestOptions): string {
  return output === 'json'
    ? `${JSON.stringify({ attested: attached }, null, 2)}\n`
    : attached
        .map(({ image, platform, predicateType, attestation, signedBy }) =>
          printable(`attested ${image} (${platform}): ${predicateType}, ${attestation ?? `attached by ${signedBy}`}`),
        )
        .map((line) => `${line}\n`)
        .join('');
}
