import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ElfgateError } from '../../errors.ts';
import { Rejection } from '../rejection.ts';
import { listOf, objectOf, textOf, untrustedJson } from '../untrusted-json.ts';
import { type Certificate, readCertificate, readTrustedCertificates } from '../x509/certificate.ts';

/**
 * What a Notary Project trust policy and trust store say, resolved
 * (https://github.com/notaryproject/specifications/blob/v1.1.0/specs/trust-store-trust-policy.md).
 */
export interface NotationTrust {
  readonly statements: readonly TrustStatement[];
}

export interface TrustStatement {
  readonly name: string;
  /** Repositories with their registry; `*` for all others. */
  readonly registryScopes: readonly string[];
  readonly level: 'strict' | 'permissive' | 'audit' | 'skip';
  /** By store, as `acme`. */
  readonly stores: readonly TrustStore[];
  /** Distinguished names whose attributes a signer must have; null for every signer of the stores. */
  readonly identities: readonly DistinguishedName[] | null;
}

export interface TrustStore {
  readonly type: 'ca' | 'signingAuthority';
  readonly name: string;
  readonly certificates: readonly Certificate[];
}

export type DistinguishedName = ReadonlyMap<string, string>;

const levels = ['strict', 'permissive', 'audit', 'skip'] as const;

/**
 * Reads a trust policy and the certificates of the stores that it names.
 *
 * @param storeDirectory holds `x509/ca/NAME/*.crt`, as notation keeps it.
 * @throws ElfgateError `malformed` or `unreadable`
 */
export async function readNotationTrust(policyFile: string, storeDirectory: string): Promise<NotationTrust> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(policyFile);
  } catch (cause) {
    throw new ElfgateError('unreadable', `${policyFile}: cannot be read`, { cause });
  }
  try {
    const document = objectOf(untrustedJson(bytes, 'the trust policy'), 'the trust policy');
    if (document.version !== '1.0') {
      throw new Rejection('its version is not 1.0');
    }
    const statements = listOf(document.trustPolicies, 'trustPolicies');
    return { statements: await Promise.all(statements.map((statement) => statementOf(statement, storeDirectory))) };
  } catch (cause) {
    if (cause instanceof Rejection) {
      throw new ElfgateError('malformed', `${policyFile}: is no trust policy (${cause.message})`, { cause });
    }
    throw cause;
  }
}

async function statementOf(value: unknown, storeDirectory: string): Promise<TrustStatement> {
  const statement = objectOf(value, 'a trust policy');
  const name = textOf(statement.name, 'the name of a trust policy');
  const verification = objectOf(statement.signatureVerification, `signatureVerification of ${name}`);
  const level = levels.find((candidate) => candidate === verification.level);
  if (level === undefined) {
    throw new Rejection(`the level of ${name} is none of ${levels.join(', ')}`);
  }
  if (verification.override !== undefined) {
    throw new Rejection(`${name} overrides single checks, which cannot be followed; choose a level`);
  }
  const identities = listOf(statement.trustedIdentities ?? [], `trustedIdentities of ${name}`).map((identity) =>
    textOf(identity, `an identity of ${name}`),
  );
  const stores = listOf(statement.trustStores ?? [], `trustStores of ${name}`);
  return {
    name,
    level,
    registryScopes: listOf(statement.registryScopes, `registryScopes of ${name}`).map((scope) =>
      textOf(scope, `a scope of ${name}`),
    ),
    stores: await Promise.all(stores.map((store) => readStore(textOf(store, `a store of ${name}`), storeDirectory))),
    identities: identities.includes('*') ? null : identities.map(identityOf),
  };
}

function identityOf(text: string): DistinguishedName {
  const [, name] = /^x509\.subject:\s*(.*)$/s.exec(text) ?? [];
  if (name === undefined) {
    throw new Rejection(`${JSON.stringify(text)} is no identity: x509.subject: C=…, O=…`);
  }
  const attributes = new Map(
    name.split(/,\s*(?=[A-Za-z]+=)/).map((part): [string, string] => {
      const equals = part.indexOf('=');
      return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
    }),
  );
  if (!attributes.has('C') || !attributes.has('O') || !(attributes.has('ST') || attributes.has('S'))) {
    throw new Rejection(`the identity ${JSON.stringify(name)} lacks one of C, ST and O`);
  }
  return attributes;
}

async function readStore(text: string, directory: string): Promise<TrustStore> {
  const [, type, name = ''] = /^(ca|signingAuthority):([A-Za-z0-9_.-]+)$/.exec(text) ?? [];
  if ((type !== 'ca' && type !== 'signingAuthority') || name === '.' || name === '..') {
    throw new Rejection(`${JSON.stringify(text)} is no trust store: ca:NAME or signingAuthority:NAME`);
  }
  const place = join(directory, 'x509', type, name);
  const files = await readdir(place).catch((cause: unknown) => {
    throw new ElfgateError('unreadable', `${place}: the trust store cannot be listed`, { cause });
  });
  const certificates = files
    .filter((file) => /\.(?:crt|cer|pem)$/.test(file))
    .sort()
    .flatMap((file) => certificatesIn(join(place, file)));
  if (certificates.length === 0) {
    throw new ElfgateError('unreadable', `${place}: the trust store holds no certificate`);
  }
  return { type, name, certificates };
}

function certificatesIn(file: string): readonly Certificate[] {
  const bytes = readFileSync(file);
  return bytes.includes('-----BEGIN')
    ? readTrustedCertificates(bytes.toString('latin1'), file)
    : [readCertificate(bytes)];
}

/** The one statement for a repository: its own scope before `*`; null when none is about it. */
export function statementFor({ statements }: NotationTrust, repository: string): TrustStatement | null {
  return (
    statements.find(({ registryScopes }) => registryScopes.includes(repository)) ??
    statements.find(({ registryScopes }) => registryScopes.includes('*')) ??
    null
  );
}
