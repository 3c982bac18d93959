import { readFileSync } from 'node:fs';
import { ElfgateError } from '../errors.ts';
import type { TrustAnchors } from './anchors.ts';
import { exactly, type Identity, pattern, type TextMatch } from './identity.ts';
import { readPublicKeys } from './public-key.ts';
import { type AuthoritySettings, type IdentitySettings, isKeyService, type TrustSettings } from './trust-settings.ts';
import type { CertificateAuthority } from './x509/chain.ts';

/**
 * Reads everything that settings name.
 *
 * @param verifiers `with-cosign` leaves keys in a service to that program.
 * @throws ElfgateError `unreadable` or `malformed` for a file, `configuration` for an identity: trust that cannot be
 * read decides nothing, and must not look like trust that nobody has.
 */
export async function loadAnchors(
  settings: TrustSettings,
  verifiers: 'native' | 'with-cosign' = 'native',
): Promise<TrustAnchors> {
  const { keys, identities, trustedRoots, authorities, notation } = settings;
  return {
    keys: keys
      .filter((key) => verifiers === 'native' || !isKeyService(key))
      .flatMap((file) => readPublicKeys(keyFile(file).toString('latin1'), file)),
    identities: await Promise.all(identities.map(identityOf)),
    sigstore: trustedRoots.length === 0 ? null : await loadSigstore(trustedRoots),
    authorities: await Promise.all(authorities.map(loadAuthority)),
    notation: notation === null ? null : await loadNotation(notation),
  };
}

// What each kind of trust needs is loaded where it is used: a public key alone is verified without any of it.
async function loadSigstore(files: readonly string[]): Promise<TrustAnchors['sigstore']> {
  const [{ loadSigstoreLibrary }, { readTrustedRoot }] = await Promise.all([
    import('./sigstore/library.ts'),
    import('./sigstore/trusted-root.ts'),
  ]);
  const library = await loadSigstoreLibrary();
  return { library, roots: files.map((file) => readTrustedRoot(read(file), file, library)) };
}

async function loadAuthority(settings: AuthoritySettings): Promise<CertificateAuthority> {
  const [{ readTrustedCertificates }, { readRevocationList }] = await Promise.all([
    import('./x509/certificate.ts'),
    import('./x509/revocation-list.ts'),
  ]);
  const certificates = (file: string) => readTrustedCertificates(read(file).toString('latin1'), file);
  return {
    name: settings.name,
    roots: certificates(settings.roots),
    intermediates: settings.intermediates === null ? [] : certificates(settings.intermediates),
    revocationLists: settings.revocationLists.map((file) => readRevocationList(read(file), file)),
  };
}

async function loadNotation({
  policy,
  store,
}: NonNullable<TrustSettings['notation']>): Promise<TrustAnchors['notation']> {
  const { readNotationTrust } = await import('./notation/trust-policy.ts');
  return readNotationTrust(policy, store);
}

async function identityOf(settings: IdentitySettings): Promise<Identity> {
  const subject = await matchOf(settings.subject, settings.subjectPattern, 'subject');
  if (subject === null) {
    throw new ElfgateError('configuration', 'an identity names no subject', {
      hint: 'give subject (met exactly) or subjectPattern (covers the whole text)',
    });
  }
  return { subject, issuer: await matchOf(settings.issuer, settings.issuerPattern, 'issuer') };
}

async function matchOf(text: string | undefined, source: string | undefined, what: string): Promise<TextMatch | null> {
  if (text !== undefined && source !== undefined) {
    throw new ElfgateError('configuration', `an identity gives both ${what} and ${what}Pattern`, {
      hint: 'one of them decides',
    });
  }
  return text !== undefined ? exactly(text) : source !== undefined ? pattern(source) : null;
}

function keyFile(file: string): Buffer {
  if (isKeyService(file)) {
    throw new ElfgateError('configuration', `${file}: is the key of a service, and only cosign asks those`, {
      hint: 'trust.engine: cosign, or export the public key: cosign public-key --key URI',
    });
  }
  return read(file);
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new ElfgateError('unreadable', `${file}: cannot be read (${code})`, { cause });
  }
}
