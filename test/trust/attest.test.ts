import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { cacheDirectory } from '../../cli/directories.js';
import { registryClient } from '../../src/image/registry/client.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { emptyDirectory, runCli } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { pushImage } from '../lab/pushed-images.ts';
import { watchedRegistry } from '../scan/watched-registry.ts';
import { claims } from './claims.ts';
import { signingLab } from './signing-lab.ts';

/** A pair of keys as files, and a configuration that trusts the public one. */
function inspectorKeys(host: string): { readonly key: string; readonly publicKey: string; readonly config: string } {
  const directory = emptyDirectory();
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = (name: string, text: string | Buffer): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const key = file('inspector.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return {
    key,
    publicKey: file('inspector.pub', publicKey.export({ type: 'spki', format: 'pem' })),
    config: file(
      'elfgate.yaml',
      `apiVersion: elfgate.dev/v1
kind: Config
rules: { trust/signed: { enforce: off }, trust/facts-attested: {} }
registries: [{ host: "${host}", plainHttp: true }]
trust: { images: [{ pattern: "${host}/**", inspectors: { keys: [inspector.pub] } }] }
`,
    ),
  };
}

/** The user's cache without the facts in it, so that nothing is known about any image. */
function cacheWithoutFacts(): Readonly<Record<string, string>> {
  const base = mkdtempSync(join(tmpdir(), 'elfgate-cache-'));
  const own = cacheDirectory(process.env);
  mkdirSync(join(base, 'elfgate'));
  for (const entry of readdirSync(own).filter((name) => name !== 'facts')) {
    symlinkSync(join(own, entry), join(base, 'elfgate', entry));
  }
  return { XDG_CACHE_HOME: base };
}

test('check takes facts that a trusted inspector attests, says the same, and pulls no layer', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['registry/referrers', 'go/host', 'go/plugin@1.25']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const registry = await watchedRegistry(lab.path['registry/referrers']);
  t.teardown(() => registry.stop());
  const image = `${registry.host}/team/gateway:1`;
  const digest = await pushImage(registry.host, 'team/gateway', '1', {
    'usr/bin/gateway': lab.path['go/host'],
    'plugins/audit.so': lab.path['go/plugin@1.25'],
  });
  const trusting = inspectorKeys(registry.host);
  const check = async (config: string) => {
    registry.look();
    const { stdout, stderr, exitCode } = await runCli(['check', '-o', 'json', '-c', config, image], {
      env: cacheWithoutFacts(),
    });
    const blobs = registry.look().filter((request) => request.startsWith('GET') && request.includes('/blobs/'));
    t.is(exitCode, 1, stderr);
    const { findings } = JSON.parse(stdout) as {
      findings: readonly { readonly rule: string; readonly message: string }[];
    };
    return { findings, blobs: blobs.length };
  };

  const before = await check(trusting.config);
  t.deepEqual(
    before.findings.filter(({ rule }) => rule === 'trust/facts-attested').map(({ message }) => message),
    ['no trusted inspector signed the facts about this image; its layers were read to find them'],
  );
  t.is(before.blobs, 2, 'configuration and layer');

  const attested = await runCli(['attest', '--key', trusting.key, '-o', 'json', '-c', trusting.config, image]);
  t.is(attested.exitCode, 0, attested.stderr);
  t.like(JSON.parse(attested.stdout).attested[0], {
    image: `${registry.host}/team/gateway@${digest}`,
    platform: 'linux/amd64',
    predicateType: 'https://elfgate.dev/attestation/facts/v1',
    signedBy: 'elfgate',
  });

  const after = await check(trusting.config);
  t.deepEqual(
    after.findings,
    before.findings.filter(({ rule }) => rule !== 'trust/facts-attested'),
  );
  t.true(after.findings.some(({ rule }) => rule === 'plugin/go-version-match'));
  t.is(after.blobs, 2, 'configuration and attestation');

  const stranger = inspectorKeys(registry.host);
  const strange = await check(stranger.config);
  t.deepEqual(
    strange.findings,
    before.findings.map((finding) => ({ ...finding, ...strangeEvidence(finding, strange.findings) })),
  );
  t.is(strange.blobs, 3, 'configuration, attestation, and the layer itself');
});

/** Of the rule on attested facts the evidence differs: there is an attestation, by somebody else. */
function strangeEvidence<Finding extends { readonly rule: string }>(finding: Finding, found: readonly Finding[]) {
  return finding.rule === 'trust/facts-attested' ? found.find(({ rule }) => rule === finding.rule) : {};
}

for (const kind of ['referrers', 'distribution'] as const) {
  test(`cosign verifies what elfgate attests, and elfgate what cosign attests, at a registry of kind ${kind}`, async (t) => {
    t.timeout(600_000);
    const made = await signingLab(kind);
    if (!made.available) {
      t.log(`not run: ${made.reason}`);
      return t.pass();
    }
    const { lab } = made;
    t.teardown(() => lab.registry.stop());
    const { key, publicKey, config } = inspectorKeys(lab.registry.host);
    const image = await lab.image();
    const record = lab.file('record.json', JSON.stringify(claims.serviceLevels[0]?.predicate));
    const claim = ['--type', 'service-level', '--predicate', record];
    const attested = await runCli(['attest', '--key', key, ...claim, '-c', config, image]);
    t.is(attested.exitCode, 0, attested.stderr);
    const type = 'https://elfgate.dev/attestation/service-level/v1';
    const accepted = await lab.cosign(
      ...['verify-attestation', '--key', publicKey, '--insecure-ignore-tlog', '--type', type, image],
    );
    t.is(accepted.exitCode, 0, accepted.stderr);

    const imported = `${lab.directory}/inspector`;
    await lab.sign('import-key-pair', '--key', key, '--output-key-prefix', imported, '--yes');
    // Policies are kept in the home of whoever runs the tests; compiling them anew takes a minute.
    const { HOME: _home, ...environment } = lab.environment;
    const byCosign = await runCli(
      [
        'attest',
        '--key',
        `${imported}.key`,
        '--signing-config',
        `${lab.directory}/no-services.json`,
        ...claim,
        '-c',
        config,
        image,
      ],
      { env: { ...environment, PATH: `${lab.cosignDirectory}:${process.env.PATH}` } },
    );
    t.is(byCosign.exitCode, 0, byCosign.stderr);
    t.regex(byCosign.stdout, /service-level\/v1, attached by cosign\n$/);
    const verified = await runCli(['verify', '--key', publicKey, '-o', 'json', '-c', config, image]);
    t.is(verified.exitCode, 1, 'attestations are no signature');
    const { attestations } = JSON.parse(verified.stdout);
    t.deepEqual(
      attestations.map(({ predicateType, verified: isVerified }: { predicateType: string; verified: boolean }) => [
        predicateType,
        isVerified,
      ]),
      [
        [type, true],
        [type, true],
      ],
    );
  });
}

test('attest refuses what it cannot sign or what is not the claim that it is said to be', async (t) => {
  const lab = await artifacts(['registry/referrers', 'c/hello']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const registry = await watchedRegistry(lab.path['registry/referrers']);
  t.teardown(() => registry.stop());
  await pushImage(registry.host, 'app', '1', { hello: lab.path['c/hello'] });
  const image = `${registry.host}/app:1`;
  const { key, publicKey, config } = inspectorKeys(registry.host);
  const directory = emptyDirectory();
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const locked = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret of the test',
  });
  const lockedKey = file('locked.pem', locked.toString());
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[], /signed by a key or by an identity/],
    [['--key', key, '--keyless'], /signed by a key or by an identity/],
    [['--key', publicKey], /holds no private key/],
    [['--key', file('small.pem', small.toString())], /not accepted for signatures/],
    [['--key', lockedKey], /holds no private key in PEM form that can be read/],
    [['--key', join(directory, 'nowhere.pem')], /nowhere\.pem: cannot be read \(ENOENT\)/],
    [['--key', key, '--type', 'service-level'], /--type and --predicate belong together/],
    [['--key', key, '--type', 'anything', '--predicate', key], /anything is no type of predicate/],
    [['--key', key, '--type', 'service-level', '--predicate', key], /is not JSON/],
    [
      [
        '--key',
        key,
        '--type',
        'service-level',
        '--predicate',
        file('record.json', '{"environment":"x","errorRate":2}'),
      ],
      /is no service-level: /,
    ],
  ];
  for (const [args, message] of cases) {
    const { exitCode, stdout, stderr } = await runCli(['attest', ...args, '-c', config, image]);
    t.is(exitCode, 2, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, message, args.join(' '));
    t.notRegex(stderr, /PRIVATE KEY|secret of the test/);
  }
  const opened = await runCli(['attest', '--key', lockedKey, '-c', config, image], {
    env: { ELFGATE_KEY_PASSPHRASE: 'secret of the test' },
  });
  t.is(opened.exitCode, 0, opened.stderr);
  const registries = registryClient({ registries: [], credentials: anonymous, environment: {} });
  const store = registries.repository({ registry: registry.host, repository: 'app' });
  const { digest } = await store.resolve('1');
  t.is((await store.referrers(digest, null)).length, 1, 'what was refused left nothing behind');
  registries.close();
});
