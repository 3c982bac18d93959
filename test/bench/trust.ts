import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { signedBundle } from '../../src/trust/attest.ts';
import { loadAnchors } from '../../src/trust/load-anchors.ts';
import { verification } from '../../src/trust/rejection.ts';
import { readBundle } from '../../src/trust/sigstore/material.ts';
import { requireSigner } from '../../src/trust/sigstore/verify.ts';
import { readStatement, requireSubject } from '../../src/trust/statement.ts';
import { noTrust, type TrustSettings } from '../../src/trust/trust-settings.ts';
import { artifacts } from '../lab/lab.ts';
import { runProgram } from '../lab/process.ts';
import { crane } from '../lab/registry-server.ts';
import { watchedRegistry } from '../scan/watched-registry.ts';
import { releaseIdentity, signatureStatement, sigstoreInstance } from '../trust/sigstore-instance.ts';
import { ownCache } from './own-cache.ts';
import { inTurn } from './processes.ts';
import { promise } from './promises.ts';

/** Verifying signatures, and judging an image of a whole root by attested facts, without its layers. */
const directory = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};
const digest = 'a'.repeat(64);

/** Milliseconds of computing of one verification; the lowest of many, the first of which warm up. */
async function computing(bundle: Buffer, settings: Partial<TrustSettings>): Promise<number> {
  const anchors = await loadAnchors({ ...noTrust, ...settings });
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 200; turn++) {
    const before = process.cpuUsage();
    const outcome = verification(() => {
      const material = readBundle(bundle, null);
      const signer = requireSigner(material, anchors, new Date());
      if (material.signed.kind === 'envelope') {
        requireSubject(readStatement(material.signed.envelope.payload), digest);
      }
      return signer;
    });
    const { user, system } = process.cpuUsage(before);
    if (!outcome.verified) {
      throw new Error(outcome.reason);
    }
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const inspectorKey = file('inspector.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
const inspectorPublic = file('inspector.pub', publicKey.export({ type: 'spki', format: 'pem' }));
const claim = { predicateType: 'https://sigstore.dev/cosign/sign/v1', predicate: {} };
const byKey = await computing(signedBundle(claim, 'app', `sha256:${digest}`, privateKey), { keys: [inspectorPublic] });
promise('verify the signature of a key', `${byKey.toFixed(2)} ms of computing`, 'below 5 ms', byKey < 5);

const instance = await sigstoreInstance();
const keyless = Buffer.from(JSON.stringify(await instance.attest(signatureStatement(digest))));
instance.stop();
const byIdentity = await computing(keyless, {
  trustedRoots: [file('trusted_root.json', instance.trustedRoot)],
  identities: [releaseIdentity],
});
promise('verify a keyless bundle', `${byIdentity.toFixed(2)} ms of computing`, 'below 20 ms', byIdentity < 20);

const lab = await artifacts(['registry/referrers', 'registry/crane', 'debian/bookworm']);
if (!lab.available) {
  process.stderr.write(`not measured: ${lab.reason}\n`);
  process.exit(2);
}
const registry = await watchedRegistry(lab.path['registry/referrers']);
const layer = join(directory, 'layer.tar');
await runProgram('/usr/bin/tar', ['cf', layer, '-C', lab.path['debian/bookworm'], '.'], { timeout: 120_000 });
const image = `${registry.host}/root:1`;
await crane(lab.path['registry/crane'], ['append', '--insecure', '--oci-empty-base', '-f', layer, '-t', image]);
const configuration = (inspectors: string): string =>
  `apiVersion: elfgate.dev/v1\nkind: Config\nregistries: [{ host: "${registry.host}", plainHttp: true }]\nrules: { trust/signed: { enforce: off } }\ntrust: { images: [{ pattern: "**"${inspectors} }] }\n`;
const trusting = file('trusting.yaml', configuration(`, inspectors: { keys: [${inspectorPublic}] }`));
const reading = file('reading.yaml', configuration(''));

const cacheHome = ownCache(['facts', 'code']);
process.env.XDG_CACHE_HOME = cacheHome;
const facts = join(cacheHome, 'elfgate', 'facts');
const published = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.cjs');
const program = existsSync(published) ? published : join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const elfgate = (...args: string[]) => [process.execPath, program, ...args] as const;
const check = (config: string) =>
  elfgate('check', '--fail-on', 'never', '-c', config, '--output-file', '/dev/null', image);
const { exitCode, stderr } = await runProgram(
  process.execPath,
  [program, 'attest', '--key', inspectorKey, '-c', reading, image],
  {
    environment: { PATH: process.env.PATH ?? '', HOME: directory, XDG_CACHE_HOME: cacheHome },
    timeout: 120_000,
  },
);
if (exitCode !== 0) {
  throw new Error(stderr);
}
rmSync(facts, { recursive: true, force: true });
const [attested] = await inTurn([check(trusting)], 7);
rmSync(facts, { recursive: true, force: true });
const start = performance.now();
await runProgram(process.execPath, check(reading).slice(1), {
  environment: { PATH: process.env.PATH ?? '', HOME: directory, XDG_CACHE_HOME: cacheHome },
  timeout: 120_000,
});
const read = performance.now() - start;
const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });
const store = registries.repository({ registry: registry.host, repository: 'root' });
const { layers } = JSON.parse((await store.manifest('1')).bytes.toString());
const layerBytes = layers.reduce((sum: number, { size }: { size: number }) => sum + size, 0);
const [referrer] = await store.referrers((await store.resolve('1')).digest, null);
const bundle = JSON.parse((await store.manifest(referrer?.digest ?? '')).bytes.toString());
const factBytes = bundle.layers[0].size + (referrer?.size ?? 0);
registries.close();
await registry.stop();
rmSync(directory, { recursive: true, force: true });
rmSync(cacheHome, { recursive: true, force: true });

if (attested !== undefined) {
  promise(
    'check an image of a whole root by attested facts',
    `${attested.median.toFixed(0)} ms against ${read.toFixed(0)} ms: ${(read / attested.median).toFixed(1)} ×`,
    'below 300 ms start to end',
    attested.best < 300,
  );
  promise(
    'data that is fetched instead of its layers',
    `${(factBytes / 1e6).toFixed(2)} MB against ${(layerBytes / 1e6).toFixed(0)} MB: 1/${(layerBytes / factBytes).toFixed(0)}`,
    'at most 1/100',
    factBytes * 100 <= layerBytes,
  );
}
