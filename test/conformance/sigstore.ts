import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAnchors } from '../../src/trust/load-anchors.ts';
import { noTrust } from '../../src/trust/trust-settings.ts';
import { verifyFile } from '../../src/trust/verify-file.ts';

/**
 * Sigstore's conformance cases for verifiers against this one: `npm run conformance:sigstore -- CHECKOUT [ROOT]`, where
 * CHECKOUT is one of https://github.com/sigstore/sigstore-conformance and ROOT the trusted root of Sigstore's public
 * instance (`cosign trusted-root create --with-default-services`), which cases without one of their own are about.
 *
 * Exit code 1 when a bundle is accepted that has to be refused, or refused that has to be accepted.
 */
const [checkout, publicRoot] = process.argv.slice(2);
if (checkout === undefined) {
  process.stderr.write('which checkout? git clone https://github.com/sigstore/sigstore-conformance\n');
  process.exit(2);
}
const assets = join(checkout, 'test', 'assets', 'bundle-verify');

const textOf = (directory: string, name: string, otherwise: string): string =>
  existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8').trim() : otherwise;

const beacon = 'https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon';
const counts = { right: 0, wrong: 0, left: 0 };
for (const name of readdirSync(assets, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? entry.name : [],
)) {
  const directory = join(assets, name);
  const ownRoot = join(directory, 'trusted_root.json');
  const key = join(directory, 'key.pub');
  // A key is trusted alone, unless the case brings a root whose logs have to testify to it.
  const root = existsSync(ownRoot) ? ownRoot : existsSync(key) ? undefined : publicRoot;
  if (root === undefined && !existsSync(key)) {
    counts.left += 1;
    continue;
  }
  const artifact = existsSync(join(directory, 'artifact')) ? join(directory, 'artifact') : join(assets, 'a.txt');
  const place = mkdtempSync(join(tmpdir(), 'elfgate-conformance-'));
  const bytes = readFileSync(artifact);
  writeFileSync(join(place, 'artifact'), bytes);
  writeFileSync(join(place, 'artifact.sigstore.json'), readFileSync(join(directory, 'bundle.sigstore.json')));
  const subject = textOf(
    directory,
    'identity',
    `${beacon}/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main`,
  );
  const issuer = textOf(directory, 'issuer', 'https://token.actions.githubusercontent.com');
  const { accepted, reason } = await judged(join(place, 'artifact'), bytes, {
    ...noTrust,
    trustedRoots: root === undefined ? [] : [root],
    ...(existsSync(key) ? { keys: [key] } : { identities: [{ subject, issuer }] }),
  });
  const expected = !name.endsWith('_fail');
  if (accepted === expected) {
    counts.right += 1;
  } else {
    counts.wrong += 1;
    process.stdout.write(`✘ ${name}: ${accepted ? 'accepted' : `refused: ${reason}`}\n`);
  }
}
process.stdout.write(
  `${counts.right} as they have to be, ${counts.wrong} wrong, ${counts.left} not run for lack of a root\n`,
);
process.exitCode = counts.wrong > 0 ? 1 : 0;

async function judged(
  path: string,
  bytes: Buffer,
  settings: Parameters<typeof loadAnchors>[0],
): Promise<{ readonly accepted: boolean; readonly reason: string }> {
  try {
    const { signatures, attestations } = verifyFile(path, bytes, await loadAnchors(settings), new Date());
    const all = [...signatures, ...attestations];
    const reason = all.map((one) => (one.verified ? '' : one.reason)).join('; ');
    return { accepted: all.some(({ verified }) => verified), reason: reason === '' ? 'no bundle' : reason };
  } catch (error) {
    return { accepted: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
