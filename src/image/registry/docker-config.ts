import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { type Environment, runCredentialHelper } from './credential-helper.ts';
import type { CredentialSource, Credentials } from './credentials.ts';

/** What a docker configuration (`config.json`, a pull secret, podman's `auth.json`) says about registries. */
export interface DockerConfig {
  /** By registry, or by registry and the beginning of a repository's name. */
  readonly auths: ReadonlyMap<string, Credentials>;
  /** Registry → helper. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The helper of all others; null for none. */
  readonly store: string | null;
}

/**
 * The files in which docker and podman keep credentials, those that exist or not.
 *
 * @param environment of the process: DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR and HOME.
 */
export function dockerConfigFiles({
  DOCKER_CONFIG,
  REGISTRY_AUTH_FILE,
  XDG_RUNTIME_DIR,
  HOME,
}: Environment): readonly string[] {
  const directory = DOCKER_CONFIG || (HOME ? join(HOME, '.docker') : '');
  return [
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(directory === '' ? [] : [join(directory, 'config.json')]),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'containers', 'auth.json')] : []),
  ];
}

/**
 * Credentials from docker configuration files, as docker finds them: the helper of the registry, the helper of all, the
 * file itself. A file that is not there is skipped; of several, the first that knows a registry decides.
 *
 * @param environment of the helpers, which are found by its PATH.
 */
export function dockerCredentials(files: readonly string[], environment: Environment): CredentialSource {
  const read = new Map<string, DockerConfig | null>();
  const configOf = (file: string): DockerConfig | null => {
    const known = read.get(file);
    if (known !== undefined) {
      return known;
    }
    const config = readConfigFile(file);
    read.set(file, config);
    return config;
  };
  return {
    async credentialsFor(registry, repository) {
      for (const file of files) {
        const config = configOf(file);
        if (config === null) {
          continue;
        }
        const helper = namesOf(registry, null)
          .map((name) => config.helpers.get(name))
          .find((name) => name !== undefined);
        const stored = credentialsIn(config, registry, repository);
        const program = helper ?? (stored === null ? config.store : null);
        const found = program === null ? stored : await runCredentialHelper(program, serverName(registry), environment);
        if (found !== null) {
          return found;
        }
      }
      return null;
    },
  };
}

/** Credentials from pull secrets: only what they hold themselves, no helper is run. */
export function pullSecretCredentials(config: DockerConfig): CredentialSource {
  return { credentialsFor: async (registry, repository) => credentialsIn(config, registry, repository) };
}

/**
 * Reads the text of a docker configuration, or of the older `.dockercfg`, which is the content of `auths` alone.
 *
 * @param where names it in messages, which never show what it holds.
 * @throws ElfgateError `malformed`
 */
export function parseDockerConfig(text: string, where: string): DockerConfig {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The reason would quote the text, which holds passwords.
    throw new ElfgateError('malformed', `${where}: not JSON`);
  }
  const config = recordOf(document);
  const isWhole = ['auths', 'credHelpers', 'credsStore'].some((key) => Object.hasOwn(config, key));
  const auths = Object.entries(recordOf(isWhole ? config.auths : config)).flatMap(([key, value]) => {
    const credentials = parseEntry(recordOf(value));
    return credentials === null ? [] : [[registryKey(key), credentials] as const];
  });
  const helpers = Object.entries(recordOf(config.credHelpers)).flatMap(([key, name]) =>
    typeof name === 'string' && name !== '' ? [[registryKey(key), name] as const] : [],
  );
  const store = config.credsStore;
  return {
    auths: new Map(auths),
    helpers: new Map(helpers),
    store: typeof store === 'string' && store !== '' ? store : null,
  };
}

function readConfigFile(file: string): DockerConfig | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return null;
    }
    throw new ElfgateError('unreadable', `${file}: cannot be read (${code})`, { cause });
  }
  if (bytes.length > limits.dockerConfigBytes) {
    throw new ElfgateError('limit', `${file}: has more than ${limits.dockerConfigBytes} bytes`);
  }
  return parseDockerConfig(bytes.toString(), file);
}

function parseEntry(entry: Readonly<Record<string, unknown>>): Credentials | null {
  const text = (key: string): string => (typeof entry[key] === 'string' ? entry[key] : '');
  if (text('identitytoken') !== '') {
    return { kind: 'identity-token', token: text('identitytoken') };
  }
  if (text('registrytoken') !== '') {
    return { kind: 'registry-token', token: text('registrytoken') };
  }
  const decoded = Buffer.from(text('auth'), 'base64').toString();
  const colon = decoded.indexOf(':');
  const [username, password] =
    colon > 0
      ? [decoded.slice(0, colon), decoded.slice(colon + 1).replace(/\0+$/, '')]
      : [text('username'), text('password')];
  return username === '' ? null : { kind: 'password', username, password };
}

function credentialsIn(config: DockerConfig, registry: string, repository: string | null): Credentials | null {
  for (const name of namesOf(registry, repository)) {
    const found = config.auths.get(name);
    if (found !== undefined) {
      return found;
    }
  }
  return null;
}

/** What a registry may be called in a configuration, the most special first (containers-auth.json(5)). */
function namesOf(registry: string, repository: string | null): readonly string[] {
  const aliases = registry === 'docker.io' ? ['docker.io', 'index.docker.io', 'registry-1.docker.io'] : [registry];
  const parts = (repository ?? '').split('/').filter((part) => part !== '');
  const prefixes = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
  return aliases.flatMap((alias) => [...prefixes.map((prefix) => `${alias}/${prefix}`), alias]);
}

/** What credential helpers know a registry by. */
function serverName(registry: string): string {
  return registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry;
}

/** `https://index.docker.io/v1/` → `index.docker.io`; podman's `registry.example.com/team` stays. */
function registryKey(key: string): string {
  return key
    .replace(/^https?:\/\//, '')
    .replace(/\/(?:v1|v2)?\/?$/, '')
    .replace(/\/$/, '');
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
