import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import test from 'ava';
import { isDigest } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { openCosign } from '../../src/trust/cosign.ts';
import { loadAnchors } from '../../src/trust/load-anchors.ts';
import { noTrust, type TrustSettings } from '../../src/trust/trust-settings.ts';
import { type ImageTrust, verifyImage } from '../../src/trust/verify-image.ts';
import { codeSigning, leafOf, pemOf, rootAuthority, serverAuth, subordinateAuthority } from './authorities.ts';
import { type SigningLab, signingLab } from './signing-lab.ts';

/** One question to both: is this image signed by somebody whom these arguments trust? */
interface Case {
  readonly title: string;
  readonly image: string;
  readonly cosign: readonly string[];
  readonly native: Partial<TrustSettings>;
  readonly accepted: boolean;
}

const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });
test.after.always(() => registries.close());

async function verifyNatively(image: string, settings: Partial<TrustSettings>): Promise<ImageTrust> {
  const reference = parseReference(image);
  if (!isDigest(reference.digest)) {
    throw new Error(`${image} has no digest`);
  }
  const store = registries.repository(reference);
  const repository = `${reference.registry}/${reference.repository}`;
  const anchors = await loadAnchors({ ...noTrust, ...settings });
  return verifyImage({ store, repository, digests: [reference.digest] }, anchors, new Date());
}

const kinds = {
  'ECDSA P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ECDSA P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
  'RSA 2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
} satisfies Record<string, () => { readonly publicKey: KeyObject; readonly privateKey: KeyObject }>;

const newFormat = (lab: SigningLab): readonly string[] => ['--signing-config', `${lab.directory}/no-services.json`];
const oldFormat = ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false'];
const offline = '--insecure-ignore-tlog';

async function keyPair(lab: SigningLab, name: string, kind: keyof typeof kinds) {
  const { publicKey, privateKey } = kinds[kind]();
  const pem = lab.file(`${name}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await lab.sign('import-key-pair', '--key', pem, '--output-key-prefix', `${lab.directory}/${name}`, '--yes');
  return {
    secret: `${lab.directory}/${name}.key`,
    public: lab.file(`${name}.public.pem`, publicKey.export({ type: 'spki', format: 'pem' })),
  };
}

async function keyCases(lab: SigningLab): Promise<readonly Case[]> {
  const cases: Case[] = [];
  const stranger = await keyPair(lab, 'stranger', 'ECDSA P-256');
  cases.push(...(await attachedCases(lab, stranger.public)));
  for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) {
    const key = await keyPair(lab, `key-${kind.replace(' ', '-')}`, kind);
    for (const [format, flags] of [
      ['bundle', newFormat(lab)],
      ['tag', oldFormat],
    ] as const) {
      const image = await lab.image();
      await lab.sign('sign', '--yes', '--key', key.secret, ...flags, image);
      const title = `${kind} in a ${format}`;
      // From a key file cosign signs with Ed25519ph, and does not accept that itself; attached ones are plain Ed25519.
      const accepted = kind !== 'Ed25519';
      // cosign signs with the hash of the curve, and verifies with SHA-256 unless told otherwise.
      const hash = kind === 'ECDSA P-384' ? ['--signature-digest-algorithm', 'sha384'] : [];
      const cosign = (file: string) => ['--key', file, offline, ...hash];
      cases.push(
        {
          title: `${title}, right key`,
          image,
          cosign: cosign(key.public),
          native: { keys: [key.public] },
          accepted,
        },
        {
          title: `${title}, key of somebody else`,
          image,
          cosign: cosign(stranger.public),
          native: { keys: [stranger.public] },
          accepted: false,
        },
      );
    }
  }
  return cases;
}

/** A signature that some other program made over cosign's payload. */
async function attachedCases(lab: SigningLab, stranger: string): Promise<readonly Case[]> {
  const { publicKey, privateKey } = kinds.Ed25519();
  const file = lab.file('attached.public.pem', publicKey.export({ type: 'spki', format: 'pem' }));
  const image = await lab.image();
  const { stdout } = await lab.cosign('generate', image);
  const payload = lab.file('payload.json', stdout);
  const signature = lab.file('payload.sig', sign(null, Buffer.from(stdout), privateKey).toString('base64'));
  await lab.sign('attach', 'signature', '--payload', payload, '--signature', signature, image);
  return [file, stranger].map((key) => ({
    title: `Ed25519 attached, ${key === file ? 'right key' : 'key of somebody else'}`,
    image,
    cosign: ['--key', key, offline],
    native: { keys: [key] },
    accepted: key === file,
  }));
}

/** What somebody does who can write to the registry and has no key. */
async function movedCases(lab: SigningLab): Promise<readonly Case[]> {
  const key = await keyPair(lab, 'moved', 'ECDSA P-256');
  const other = await keyPair(lab, 'second', 'ECDSA P-256');
  const about = (title: string, image: string, accepted: boolean, file = key.public): Case => ({
    title,
    image,
    cosign: ['--key', file, offline],
    native: { keys: [file] },
    accepted,
  });
  const unsigned = await lab.image();
  const signed = await lab.image();
  await lab.sign('sign', '--yes', '--key', key.secret, ...oldFormat, signed);
  await lab.sign('sign', '--yes', '--key', key.secret, ...newFormat(lab), signed);
  const [name = '', digest = ''] = signed.split('@');
  const victim = await lab.image();
  await lab.crane('copy', '--insecure', `${name}:${tagOf(digest)}`, `${name}:${tagOf(victim.split('@')[1] ?? '')}`);
  const bundleVictim = await lab.image();
  await moveBundle(signed, bundleVictim);
  const tampered = await lab.image();
  await lab.sign('sign', '--yes', '--key', key.secret, ...oldFormat, tampered);
  await replacePayload(tampered);
  const twice = await lab.image();
  await lab.sign('sign', '--yes', '--key', other.secret, ...oldFormat, twice);
  await lab.sign('sign', '--yes', '--key', key.secret, ...oldFormat, twice);
  const twiceInBundles = await lab.image();
  await lab.sign('sign', '--yes', '--key', other.secret, ...newFormat(lab), twiceInBundles);
  await lab.sign('sign', '--yes', '--key', key.secret, ...newFormat(lab), twiceInBundles);
  return [
    about('no signature at all', unsigned, false),
    about('a tag copied from another image', victim, false),
    about('a bundle attached to another image', bundleVictim, false),
    about('a payload that was changed', tampered, false),
    about('two signers in a tag, the first', twice, true, other.public),
    about('two signers in a tag, the second', twice, true),
    about('two signers in bundles, the first', twiceInBundles, true, other.public),
    about('two signers in bundles, the second', twiceInBundles, true),
  ];
}

const tagOf = (digest: string): string => `${digest.replace(':', '-')}.sig`;

/** Attaches the bundle of one image to another. */
async function moveBundle(from: string, to: string): Promise<void> {
  const source = parseReference(from);
  const target = parseReference(to);
  if (source.digest === null || target.digest === null) {
    throw new Error('both images need a digest');
  }
  const store = registries.repository(source);
  const [bundle] = await store.referrers(source.digest, null);
  if (bundle === undefined) {
    throw new Error(`${from} has no bundle`);
  }
  const manifest = JSON.parse((await store.manifest(bundle.digest)).bytes.toString());
  const { size, mediaType } = await store.resolve(target.digest);
  manifest.subject = { digest: target.digest, size, mediaType };
  await store.pushManifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType, null);
}

/** Puts another payload under a signature that was made for the old one. */
async function replacePayload(image: string): Promise<void> {
  const reference = parseReference(image);
  const store = registries.repository(reference);
  const tag = tagOf(reference.digest ?? '');
  const manifest = JSON.parse((await store.manifest(tag)).bytes.toString());
  const [layer] = manifest.layers;
  const payload = JSON.parse((await store.blob(layer, 1_000_000)).toString());
  payload.optional = { approved: 'by everybody' };
  const { digest, size } = await store.pushBlob(Buffer.from(JSON.stringify(payload)), layer.mediaType);
  Object.assign(layer, { digest, size });
  await store.pushManifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType, tag);
}

async function chainCases(lab: SigningLab): Promise<readonly Case[]> {
  const root = await rootAuthority();
  const between = await subordinateAuthority(root);
  const strange = await rootAuthority('CN=Strange root, O=Elsewhere');
  const chain = lab.file('chain.pem', `${pemOf(between)}${pemOf(root)}`);
  const strangeChain = lab.file('strange-chain.pem', pemOf(strange));
  const roots = lab.file('roots.pem', pemOf(root));
  const intermediates = lab.file('intermediates.pem', pemOf(between));
  const trustedRoot = `${lab.directory}/own-root.json`;
  await lab.sign('trusted-root', 'create', '--certificate-chain', chain, '--out', trustedRoot);
  const authorities = [{ name: 'lab', roots, intermediates, revocationLists: [] }];
  const leaves = {
    right: await leafOf(between),
    'without an authority between': await leafOf(root, { serialNumber: '1002' }),
    expired: await leafOf(between, { from: -5, to: -2, serialNumber: '1003' }),
    'not valid yet': await leafOf(between, { from: 2, to: 5, serialNumber: '1004' }),
    'for servers': await leafOf(between, { usages: [serverAuth], serialNumber: '1005' }),
    'for servers and code': await leafOf(between, { usages: [serverAuth, codeSigning], serialNumber: '1006' }),
    'of another authority': await leafOf(strange, { serialNumber: '1007' }),
    'for somebody else': await leafOf(between, {
      alternativeName: { type: 'email', value: 'intern@example.com' },
      serialNumber: '1008',
    }),
  } as const;
  const right = ['right', 'without an authority between', 'for servers and code'];
  const cases: Case[] = [];
  for (const [what, { certificate, key }] of Object.entries(leaves)) {
    const name = `leaf-${cases.length}`;
    const pem = lab.file(`${name}.pem`, key);
    await lab.sign('import-key-pair', '--key', pem, '--output-key-prefix', `${lab.directory}/${name}`, '--yes');
    const leaf = lab.file(`${name}.crt`, certificate);
    const mine =
      what === 'of another authority' ? strangeChain : what === 'without an authority between' ? roots : chain;
    const certified = ['--key', `${lab.directory}/${name}.key`, '--certificate', leaf, '--certificate-chain', mine];
    const image = await lab.image();
    const { exitCode } = await lab.cosign('sign', '--yes', ...certified, ...oldFormat, image);
    if (exitCode === 0) {
      cases.push({
        title: `certificate ${what}`,
        image,
        cosign: [
          ...['--ca-roots', roots, '--ca-intermediates', intermediates, '--insecure-ignore-sct', offline],
          ...['--certificate-identity', 'release@example.com', '--certificate-oidc-issuer-regexp', '.*'],
        ],
        native: { authorities, identities: [{ subject: 'release@example.com' }] },
        accepted: right.includes(what),
      });
    }
    const inBundle = await lab.image();
    const bundled = await lab.cosign('sign', '--yes', ...certified, ...newFormat(lab), inBundle);
    if (bundled.exitCode === 0) {
      cases.push({
        title: `certificate ${what}, in a bundle`,
        image: inBundle,
        cosign: [
          ...['--trusted-root', trustedRoot, '--insecure-ignore-sct', offline, '--allow-certificate-chain'],
          ...['--certificate-identity', 'release@example.com', '--certificate-oidc-issuer-regexp', '.*'],
        ],
        native: { authorities, identities: [{ subject: 'release@example.com' }] },
        accepted: right.includes(what),
      });
    }
  }
  return cases;
}

for (const kind of ['referrers', 'distribution'] as const) {
  test(`cosign and elfgate accept and reject the same signatures at a registry of kind ${kind}`, async (t) => {
    t.timeout(20 * 60_000);
    const made = await signingLab(kind);
    if (!made.available) {
      t.log(made.reason);
      t.pass();
      return;
    }
    const { lab } = made;
    t.teardown(() => lab.registry.stop());
    const program = await openCosign({ program: `${lab.cosignDirectory}/cosign`, environment: lab.environment });
    const cases =
      kind === 'referrers'
        ? [...(await keyCases(lab)), ...(await movedCases(lab)), ...(await chainCases(lab))]
        : await movedCases(lab);
    const differing: unknown[] = [];
    for (const { title, image, cosign, native, accepted } of cases) {
      const { exitCode, stderr } = await lab.cosign('verify', ...cosign, image);
      const { verified, signatures } = await verifyNatively(image, native);
      const wrapped = await program
        .verify(image, { ...noTrust, ...native }, { plainHttp: false })
        .catch((error) => error);
      if ((exitCode === 0) !== accepted || verified !== accepted || wrapped.accepted !== accepted) {
        differing.push({ title, accepted, cosign: exitCode, stderr, native: verified, signatures, wrapped });
      }
    }
    t.deepEqual(differing, []);
    t.log(`${cases.length} combinations`);
  });
}
