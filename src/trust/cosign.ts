import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { inPrivateDirectory } from './private-directory.ts';
import { readPublicKeys, signingHash } from './public-key.ts';
import { isSimpleSigning, signaturePredicate } from './signature-types.ts';
import { type AuthoritySettings, type IdentitySettings, isKeyService, type TrustSettings } from './trust-settings.ts';
import { readTrustedCertificates } from './x509/certificate.ts';

/**
 * The cosign program, for what needs it: keys in a KMS, keyless signing, and a second opinion.
 *
 * Every argument is handed over as one element of a list, never through a shell, and none that comes from outside can be
 * taken for an option: references and files follow `--`.
 */
export interface CosignProgram {
  readonly version: string;
  /** Whether one of the trusted signers signed an image. */
  verify(image: string, settings: TrustSettings, registry: RegistryArguments): Promise<CosignVerdict>;
  /** Whether one of them attested something of this type about it. */
  verifyAttestation(
    image: string,
    predicateType: string,
    settings: TrustSettings,
    registry: RegistryArguments,
  ): Promise<CosignVerdict>;
  /** Whether one of them signed a file, by the bundle next to it. */
  verifyBlob(file: string, bundle: string, settings: TrustSettings): Promise<CosignVerdict>;
  /** Signs an image with a key, in a file or a KMS; without one with an identity that is asked for. */
  sign(image: string, signing: CosignSigning, registry: RegistryArguments): Promise<void>;
  attest(
    image: string,
    predicate: { readonly type: string; readonly file: string },
    signing: CosignSigning,
    registry: RegistryArguments,
  ): Promise<void>;
}

export type CosignVerdict =
  | {
      readonly accepted: true;
      readonly signer: string;
      /** What it prints about what it accepts, as JSON. */
      readonly output: string;
    }
  /** Cosign's own words, of the last signer that was tried. */
  | { readonly accepted: false; readonly reason: string };

export interface CosignSigning {
  /** A file or the URI of a KMS; null for an identity. */
  readonly key: string | null;
  /** A signing configuration, which names authorities and logs; null for cosign's own. */
  readonly signingConfig: string | null;
  /** Token that proves the identity, or a file that holds it; null to have cosign find one. */
  readonly identityToken: string | null;
}

/** How cosign reaches the registry. */
export interface RegistryArguments {
  readonly plainHttp: boolean;
}

export interface CosignOptions {
  /** Path or name of the program. */
  readonly program: string;
  /** Of the process: cosign finds credentials of registries and of a KMS there. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds of one call. */
  readonly timeLimit?: number;
  /** Bytes that one call may write. */
  readonly outputLimit?: number;
}

/** Bundles that are referrers are written by default since version 3, and verified since 2.4. */
const leastVersion = [2, 4] as const;

/**
 * Finds the program and asks for its version.
 *
 * @throws ElfgateError `missing-tool` when there is none or it is too old, `unreachable` when it does not answer.
 */
export async function openCosign(options: CosignOptions): Promise<CosignProgram> {
  const run = runner(options);
  const { exitCode, stdout } = await run(['version', '--json']);
  const version = exitCode === 0 ? versionIn(stdout) : null;
  if (version === null) {
    throw new ElfgateError('missing-tool', `${options.program}: does not say its version as cosign does`, {
      hint: 'trust.engine: native verifies without it',
    });
  }
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < leastVersion[0] || (major === leastVersion[0] && minor < leastVersion[1])) {
    throw new ElfgateError('missing-tool', `${options.program}: is version ${version}, and at least 2.4 is needed`, {
      hint: 'go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3',
    });
  }

  /** Tries every signer that the settings name; cosign takes one at a time. */
  const verifyBy = (
    command: string,
    settings: TrustSettings,
    further: readonly string[],
    subject: string,
    insufficient: (output: string) => string | null = () => null,
  ): Promise<CosignVerdict> =>
    inPrivateDirectory(async (directory) => {
      let reason = 'nobody is trusted whom cosign could verify';
      for (const { name, args, publicKey } of signersOf(settings, directory, version)) {
        const variables = publicKey === null ? {} : { [keyVariable]: publicKey };
        const result = await run([command, ...args, ...further, '--', subject], variables);
        const objection = result.exitCode === 0 ? insufficient(result.stdout) : refusal(result);
        if (objection === null) {
          return { accepted: true, signer: name, output: result.stdout };
        }
        reason = objection;
      }
      return { accepted: false, reason };
    });

  const signBy = (
    command: readonly string[],
    image: string,
    signing: CosignSigning,
    registry: RegistryArguments,
  ): Promise<void> =>
    inPrivateDirectory(async (directory) => {
      const args = [...signingArguments(signing, directory), ...registryArguments(registry)];
      succeeded(await run([...command, ...args, '--', image]));
    });

  return {
    version,
    verify: (image, settings, registry) =>
      verifyBy('verify', settings, ['--output', 'json', ...registryArguments(registry)], image, onlyAttestations),
    verifyAttestation: (image, predicateType, settings, registry) =>
      verifyBy('verify-attestation', settings, ['--type', predicateType, ...registryArguments(registry)], image),
    verifyBlob: (file, bundle, settings) => verifyBy('verify-blob', settings, ['--bundle', bundle], file),
    sign: (image, signing, registry) => signBy(['sign'], image, signing, registry),
    attest: (image, { type, file }, signing, registry) =>
      signBy(['attest', '--type', type, '--predicate', file], image, signing, registry),
  };
}

function versionIn(text: string): string | null {
  try {
    const { gitVersion } = JSON.parse(text);
    return /^v?(\d+\.\d+\.\d+)/.exec(String(gitVersion))?.[1] ?? null;
  } catch {
    return null;
  }
}

interface CosignSigner {
  readonly name: string;
  readonly args: readonly string[];
  /** PEM; null where it is not a key in a file. */
  readonly publicKey: string | null;
}

/** Keys are handed over in the environment: of a file with several, cosign would read the first alone. */
const keyVariable = 'ELFGATE_PUBLIC_KEY';

/** @param directory for files that cosign needs; removed by the caller. */
function signersOf(
  { keys, identities, trustedRoots, authorities }: TrustSettings,
  directory: string,
  version: string,
): readonly CosignSigner[] {
  // Without a root, nothing says which log would have to testify: a key alone decides, as it does natively.
  const [root] = trustedRoots;
  const witnesses = root === undefined ? ['--insecure-ignore-tlog=true'] : [`--trusted-root=${root}`];
  const certified = { publicKey: null };
  return [
    ...keys.flatMap((key): readonly CosignSigner[] =>
      isKeyService(key)
        ? [{ ...certified, name: key, args: [`--key=${key}`, ...witnesses] }]
        : keysIn(key).map(({ pem, digest }) => ({
            name: key,
            args: [`--key=env://${keyVariable}`, ...digest, ...witnesses],
            publicKey: pem,
          })),
    ),
    ...trustedRoots.flatMap((trustedRoot) =>
      identities
        .filter((identity) => (identity.issuer ?? identity.issuerPattern) !== undefined)
        .map((identity) => ({
          ...certified,
          name: identityName(identity),
          args: [`--trusted-root=${trustedRoot}`, ...identityArguments(identity)],
        })),
    ),
    ...authorities.flatMap((authority, index) =>
      (identities.length === 0 ? [anybody] : identities).flatMap((identity) =>
        authorityArguments(authority, join(directory, `authority-${index}.json`), version).map((args) => ({
          ...certified,
          name: identityName(identity),
          args: [...args, ...identityArguments({ issuerPattern: '.*', ...identity })],
        })),
      ),
    ),
  ];
}

const anybody: IdentitySettings = { subjectPattern: '.*', issuerPattern: '.*' };

/** The keys of a file, each with every hash that signatures by it may be over; cosign assumes SHA-256. */
function keysIn(file: string): readonly { readonly pem: string; readonly digest: readonly string[] }[] {
  return readPublicKeys(readFileSync(file, 'latin1'), file).flatMap(({ key }) => {
    const pem = key.export({ type: 'spki', format: 'pem' }).toString();
    const hash = signingHash(key) ?? 'sha256';
    return [
      { pem, digest: [] },
      ...(hash === 'sha256' ? [] : [{ pem, digest: [`--signature-digest-algorithm=${hash}`] }]),
    ];
  });
}

/** Cosign takes an authority by its roots for what is in tags, and as a trusted root file for bundles. */
function authorityArguments(
  { roots, intermediates }: AuthoritySettings,
  trustedRoot: string,
  version: string,
): readonly (readonly string[])[] {
  const unlogged = ['--insecure-ignore-sct=true', '--insecure-ignore-tlog=true'];
  const between = intermediates === null ? [] : [`--ca-intermediates=${intermediates}`];
  const byRoots = [`--ca-roots=${roots}`, ...between, ...unlogged];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 3 || (major === 3 && minor < 1)) {
    return [byRoots];
  }
  const below =
    intermediates === null ? [] : readTrustedCertificates(readFileSync(intermediates, 'latin1'), intermediates);
  const certificateAuthorities = readTrustedCertificates(readFileSync(roots, 'latin1'), roots).map((root) => ({
    uri: 'https://authority.invalid',
    subject: { organization: '', commonName: root.name },
    certChain: {
      certificates: [...below, root].map(({ x509 }) => ({ rawBytes: x509.raw.toString('base64') })),
    },
    validFor: { start: root.validFrom.toISOString() },
  }));
  const mediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
  writeFileSync(trustedRoot, JSON.stringify({ mediaType, certificateAuthorities }));
  return [byRoots, [`--trusted-root=${trustedRoot}`, '--allow-certificate-chain=true', ...unlogged]];
}

function identityName({ subject, subjectPattern }: IdentitySettings): string {
  return subject ?? `/${subjectPattern}/`;
}

/** Cosign's patterns match a part of the text: anchors make them cover the whole of it. */
function identityArguments({ subject, subjectPattern, issuer, issuerPattern }: IdentitySettings): readonly string[] {
  return [
    subject === undefined
      ? `--certificate-identity-regexp=^(?:${subjectPattern})$`
      : `--certificate-identity=${subject}`,
    issuer === undefined
      ? `--certificate-oidc-issuer-regexp=^(?:${issuerPattern})$`
      : `--certificate-oidc-issuer=${issuer}`,
  ];
}

function registryArguments({ plainHttp }: RegistryArguments): readonly string[] {
  return plainHttp ? ['--allow-http-registry=true'] : [];
}

/**
 * A token is handed over in a file: other users see arguments, and cosign repeats what it cannot read as a token in its error.
 *
 * @param directory for that file; nobody else may read it.
 */
function signingArguments({ key, signingConfig, identityToken }: CosignSigning, directory: string): readonly string[] {
  let tokenFile = identityToken;
  if (identityToken !== null && !existsSync(identityToken)) {
    tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, identityToken, { mode: 0o600 });
  }
  return [
    '--yes',
    ...(key === null ? [] : [`--key=${key}`]),
    ...(signingConfig === null ? [] : [`--signing-config=${signingConfig}`]),
    ...(tokenFile === null ? [] : [`--identity-token=${tokenFile}`]),
  ];
}

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit codes that mean: there is no signature, none that matches, or none with a certificate (cosign, exit_codes.go). */
const refusals = [10, 12, 13];

/** What cosign says with its general exit code when it has looked at signatures and accepts none. */
const refusalMessages =
  /no matching (?:signatures|attestations)|no signatures found|none of the attestations matched|none of the expected identities|invalid signature|failed to verify|could not verify|accepted signatures do not match|signature not found|no attestations found|bundle verification failed|verification failed/i;

/**
 * Why what `cosign verify` accepted is no signature; null when one of it is. Version 3 also accepts an image that is only attested,
 * by whatever type of claim, and names that type in its output (cosign 3.1.3, cmd/cosign/cli/verify/verify.go).
 *
 * @throws ElfgateError `unreachable` when the output does not say what was accepted.
 */
function onlyAttestations(output: string): string | null {
  let types: readonly string[];
  try {
    types = JSON.parse(output).map(({ critical }: { critical: { type: string } }) => String(critical.type));
  } catch (cause) {
    throw new ElfgateError('unreachable', 'cosign verify accepts something, and does not say what', {
      hint: 'run cosign verify --output json by hand to see more, or use trust.engine: native',
      cause,
    });
  }
  return types.some((type) => type === signaturePredicate || isSimpleSigning(type))
    ? null
    : `only attestations are accepted, which are no signature: ${types.join(', ').slice(0, 200)}`;
}

/** @throws ElfgateError `unreachable` when cosign could not tell, which must not look like a refusal. */
function refusal(result: Ran): string {
  const message = lastMessage(result);
  if (refusals.includes(result.exitCode) || refusalMessages.test(message)) {
    return message;
  }
  throw new ElfgateError('unreachable', `cosign could not verify (exit code ${result.exitCode}): ${message}`, {
    hint: 'run cosign verify by hand to see more, or use trust.engine: native',
  });
}

function succeeded(result: Ran): void {
  if (result.exitCode !== 0) {
    throw new ElfgateError('denied', `cosign could not sign (exit code ${result.exitCode}): ${lastMessage(result)}`, {
      hint: 'cosign finds credentials of the registry and of the KMS as it does when it is run by hand',
    });
  }
}

/** The last thing that cosign says is why it fails. */
function lastMessage({ stderr }: Ran): string {
  const lines = stderr
    .split('\n')
    .flatMap((line) => line.replace(/^Error: |^.*error during command execution: /, '').trim() || []);
  return (lines.at(-1) ?? 'it says nothing').slice(0, 500);
}

function runner({
  program,
  environment,
  timeLimit = limits.cosignMilliseconds,
  outputLimit = limits.cosignOutputBytes,
}: CosignOptions) {
  return (args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ran> =>
    new Promise((resolve, reject) => {
      // A process group of its own, so that its helpers for credentials end with it.
      const child = spawn(program, args, {
        env: { ...environment, ...variables },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      let failure: ElfgateError | null = null;
      const end = (error: ElfgateError): void => {
        failure ??= error;
        try {
          process.kill(-(child.pid ?? Number.NaN), 'SIGKILL');
        } catch {
          // It ended by itself in the meantime.
        }
      };
      const timer = setTimeout(() => {
        end(
          new ElfgateError('unreachable', `${program} ${args[0]} did not end within ${timeLimit / 1000} s`, {
            hint: 'a service that it asks may be out of reach; trust.engine: native asks none',
          }),
        );
      }, timeLimit);
      const collect = (stream: NodeJS.ReadableStream): (() => string) => {
        const chunks: Buffer[] = [];
        let length = 0;
        stream.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > outputLimit) {
            end(new ElfgateError('limit', `${program} ${args[0]} wrote more than ${outputLimit} bytes`));
          } else {
            chunks.push(chunk);
          }
        });
        return () => Buffer.concat(chunks).toString('utf8');
      };
      const stdout = collect(child.stdout);
      const stderr = collect(child.stderr);
      child.once('error', (cause) => {
        clearTimeout(timer);
        reject(
          new ElfgateError('missing-tool', `${program} cannot be started, and is needed here`, {
            hint: 'go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3, or trust.engine: native',
            cause,
          }),
        );
      });
      child.once('close', (exitCode) => {
        clearTimeout(timer);
        if (failure !== null) {
          reject(failure);
        } else {
          resolve({ exitCode: exitCode ?? -1, stdout: stdout(), stderr: stderr() });
        }
      });
    });
}
