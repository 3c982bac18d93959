import { readFileSync } from 'node:fs';
import { ElfgateError } from '../../errors.ts';

/** What a user says about one registry: an item of `registries` in `elfgate.yaml`. */
export interface ConfiguredRegistry {
  /** As in references: `registry.example.com:5000`, `docker.io`. */
  readonly host: string;
  /** HTTP without TLS. */
  readonly plainHttp: boolean;
  /** Path of certificates in PEM that are trusted instead of the public ones; null for those. */
  readonly ca: string | null;
  /** Other hosts that hold the same repositories, asked in this order before the registry itself; never written to. */
  readonly mirrors: readonly string[];
}

/** The same, with the certificates themselves. */
export interface RegistrySettings extends Omit<ConfiguredRegistry, 'ca'> {
  /** PEM. */
  readonly ca: string | null;
}

/**
 * What a client is to know about registries: the configuration, and what the command line adds to it.
 *
 * @param plainHttp hosts that are asked without TLS, whatever the configuration says.
 * @throws ElfgateError `unreadable` when certificates cannot be read.
 */
export function registrySettings(
  configured: readonly ConfiguredRegistry[],
  plainHttp: readonly string[],
): readonly RegistrySettings[] {
  const named = configured.map(({ ca, ...rest }) => ({
    ...rest,
    plainHttp: rest.plainHttp || plainHttp.includes(rest.host),
    ca: ca === null ? null : readCertificates(ca),
  }));
  const others = plainHttp.filter((host) => !configured.some((registry) => registry.host === host));
  return [...named, ...others.map((host) => ({ host, plainHttp: true, ca: null, mirrors: [] }))];
}

function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${file}: cannot be read (${code})`, {
      hint: 'ca of a registry in elfgate.yaml is a path relative to that file',
      cause,
    });
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new ElfgateError('malformed', `${file}: holds no certificate in PEM`);
  }
  return text;
}
