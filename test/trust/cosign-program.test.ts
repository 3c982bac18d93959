import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { type CosignOptions, openCosign } from '../../src/trust/cosign.ts';
import { noTrust } from '../../src/trust/trust-settings.ts';
import { emptyDirectory, runCli } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { pushImage } from '../lab/pushed-images.ts';
import { startReferrersRegistry } from '../lab/registry-server.ts';
import { signingLab } from './signing-lab.ts';

const version = 'case "$1" in version) echo \'{"gitVersion":"v3.1.3"}\'; exit 0;; esac';

/** A program that calls itself cosign and does what a shell script says. */
function pretender(script: string): { readonly directory: string; readonly options: CosignOptions } {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-pretender-'));
  const program = join(directory, 'cosign');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return { directory, options: { program, environment: { PATH: process.env.PATH ?? '' } } };
}

function publicKeyFile(): string {
  const file = join(emptyDirectory(), 'cosign.pub');
  writeFileSync(
    file,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }),
  );
  return file;
}

const image = `127.0.0.1:1/app@sha256:${'a'.repeat(64)}`;
const plain = { plainHttp: false };

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no failure';
  } catch (error) {
    return error instanceof ElfgateError ? `${error.code}: ${error.message}` : `unexpected: ${error}`;
  }
}

test('a program that is not there, is too old, or is something else is told apart', async (t) => {
  const missing = openCosign({ program: '/nowhere/cosign', environment: {} });
  t.is(await failureOf(missing), 'missing-tool: /nowhere/cosign cannot be started, and is needed here');
  const old = pretender('echo \'{"gitVersion":"v2.2.4"}\'').options;
  t.regex(await failureOf(openCosign(old)), /^missing-tool: .*: is version 2\.2\.4, and at least 2\.4 is needed$/);
  const other = pretender('echo hello').options;
  t.regex(await failureOf(openCosign(other)), /^missing-tool: .*: does not say its version as cosign does$/);
});

/** Whoever adopts a dead process may not have looked at it yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('one that hangs or never stops writing is ended, and so is what it started', async (t) => {
  const settings = { ...noTrust, keys: [publicKeyFile()] };
  const pids = join(emptyDirectory(), 'pids');
  const hanging = pretender(`${version}\nsleep 600 & echo $! > ${pids}\nwait`).options;
  const cosign = await openCosign({ ...hanging, timeLimit: 5_000 });
  t.regex(
    await failureOf(cosign.verify(image, settings, plain)),
    /^unreachable: .*cosign verify did not end within 5 s$/,
  );
  const child = Number(readFileSync(pids, 'utf8'));
  t.false(isRunning(child));
  const noisy = pretender(`${version}\nyes`).options;
  const limited = await openCosign({ ...noisy, outputLimit: 65_536 });
  t.is(
    (await failureOf(limited.verify(image, settings, plain))).replace(/\S+\/cosign/, 'cosign'),
    'limit: cosign verify wrote more than 65536 bytes',
  );
});

test('what cosign could not find out is no refusal', async (t) => {
  const settings = { ...noTrust, keys: [publicKeyFile()] };
  const failing = (message: string, code = 1) =>
    pretender(`${version}\necho 'Error: ${message}' >&2\nexit ${code}`).options;
  for (const message of [
    'GET http://127.0.0.1:1/v2/: dial tcp 127.0.0.1:1: connect: connection refused',
    'getting credentials: exit status 1',
    'unknown flag: --new',
  ]) {
    const cosign = await openCosign(failing(message));
    t.regex(
      await failureOf(cosign.verify(image, settings, plain)),
      /^unreachable: cosign could not verify \(exit code 1\): /,
    );
  }
  const refusing = await openCosign(failing('no matching signatures: invalid signature', 12));
  t.deepEqual(await refusing.verify(image, settings, plain), {
    accepted: false,
    reason: 'no matching signatures: invalid signature',
  });
});

test('arguments are handed over one by one, and none of them is an option of its own', async (t) => {
  const seen = join(emptyDirectory(), 'arguments');
  const cosign = await openCosign(
    pretender(`${version}\nfor a in "$@"; do echo "<$a>" >> ${seen}; done; echo '[]'`).options,
  );
  const subject = "x'; touch /tmp/elfgate-was-here; $(id) --yes";
  await cosign.verify(
    image,
    { ...noTrust, trustedRoots: ['--root.json'], identities: [{ subject, issuerPattern: 'a|b' }] },
    plain,
  );
  t.deepEqual(readFileSync(seen, 'utf8').trim().split('\n'), [
    '<verify>',
    '<--trusted-root=--root.json>',
    `<--certificate-identity=${subject}>`,
    '<--certificate-oidc-issuer-regexp=^(?:a|b)$>',
    '<--output>',
    '<json>',
    '<-->',
    `<${image}>`,
  ]);
});

test('cosign signs, attests and verifies through elfgate as it does by hand', async (t) => {
  t.timeout(600_000);
  const made = await signingLab('referrers');
  if (!made.available) {
    t.log(`not run: ${made.reason}`);
    return t.pass();
  }
  const { lab } = made;
  t.teardown(() => lab.registry.stop());
  const cosign = await openCosign({ program: join(lab.cosignDirectory, 'cosign'), environment: lab.environment });
  t.is(cosign.version, '3.1.3');
  const keys = async (name: string) => {
    await lab.sign('generate-key-pair', '--output-key-prefix', join(lab.directory, name));
    return { secret: join(lab.directory, `${name}.key`), public: join(lab.directory, `${name}.pub`) };
  };
  const mine = await keys('mine');
  const strange = await keys('strange');
  const rotated = lab.file('rotated.pub', readFileSync(strange.public, 'utf8') + readFileSync(mine.public, 'utf8'));
  const signing = { key: mine.secret, signingConfig: join(lab.directory, 'no-services.json'), identityToken: null };
  const by = (file: string) => ({ ...noTrust, keys: [file] });
  const signed = await lab.image();
  t.false((await cosign.verify(signed, by(mine.public), plain)).accepted);
  await cosign.sign(signed, signing, plain);
  t.like(await cosign.verify(signed, by(mine.public), plain), { accepted: true, signer: mine.public });
  t.true((await cosign.verify(signed, by(rotated), plain)).accepted);
  t.false((await cosign.verify(signed, by(strange.public), plain)).accepted);

  const type = 'https://example.com/claim/v1';
  t.false((await cosign.verifyAttestation(signed, type, by(mine.public), plain)).accepted);
  await cosign.attest(signed, { type, file: lab.file('claim.json', '{"is":"so"}') }, signing, plain);
  t.true((await cosign.verifyAttestation(signed, type, by(mine.public), plain)).accepted);
  t.false((await cosign.verifyAttestation(signed, type, by(strange.public), plain)).accepted);
  t.false((await cosign.verifyAttestation(signed, 'https://example.com/other/v1', by(mine.public), plain)).accepted);

  const plugin = lab.file('plugin.so', 'bytes of a plugin');
  const bundle = `${plugin}.sigstore.json`;
  await lab.sign(
    'sign-blob',
    '--yes',
    '--key',
    mine.secret,
    '--signing-config',
    signing.signingConfig,
    '--bundle',
    bundle,
    plugin,
  );
  t.true((await cosign.verifyBlob(plugin, bundle, by(mine.public))).accepted);
  t.false((await cosign.verifyBlob(plugin, bundle, by(strange.public))).accepted);
  t.false((await cosign.verifyBlob(lab.file('other.so', 'other bytes'), bundle, by(mine.public))).accepted);

  const missing = signed.replace('team/plugin', 'team/nowhere');
  t.false((await cosign.verify(missing, by(mine.public), plain)).accepted);
  await t.throwsAsync(cosign.sign(missing, signing, plain), { message: /^cosign could not sign/ });

  for (const engine of ['native', 'cosign', 'both']) {
    const verify = (file: string) =>
      runCli(['verify', '--engine', engine, '--key', file, '-o', 'json', signed], {
        env: { PATH: `${lab.cosignDirectory}:${process.env.PATH}`, TUF_ROOT: lab.environment.TUF_ROOT ?? '' },
      });
    const right = await verify(mine.public);
    t.is(right.exitCode, 0, right.stderr);
    t.like(JSON.parse(right.stdout), { verified: true });
    const wrong = await verify(strange.public);
    t.is(wrong.exitCode, 1, wrong.stderr);
    t.like(JSON.parse(wrong.stdout), { verified: false });
  }
});

test('two verifiers that disagree are an error that shows both, and one that is missing is no answer', async (t) => {
  const lab = await artifacts(['registry/referrers', 'c/hello']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const registry = await startReferrersRegistry(lab.path['registry/referrers']);
  t.teardown(() => registry.stop());
  const digest = await pushImage(registry.host, 'app', '1', { hello: lab.path['c/hello'] });
  const name = `${registry.host}/app@${digest}`;
  const key = publicKeyFile();
  const verify = (engine: string, path: string) =>
    runCli(['verify', '--engine', engine, '--key', key, name], { env: { PATH: path } });
  const believing = pretender(
    `${version}\necho '[{"critical":{"type":"cosign container image signature"}}]'`,
  ).directory;
  const both = await verify('both', `${believing}:/usr/bin:/bin`);
  t.is(both.exitCode, 2);
  t.is(both.stdout, '');
  t.true(
    both.stderr.includes(
      `cannot decide[disagreement]: ${name}: elfgate accepts none (there is no signature), and cosign accepts that of ${key}`,
    ),
    both.stderr,
  );
  for (const engine of ['cosign', 'both']) {
    const missing = await verify(engine, '/nowhere');
    t.is(missing.exitCode, 2);
    t.is(missing.stdout, '');
    t.regex(missing.stderr, /cannot decide\[missing-tool\]: cosign cannot be started/);
  }
  const config = join(emptyDirectory(), 'elfgate.yaml');
  writeFileSync(
    config,
    `apiVersion: elfgate.dev/v1\nkind: Config\nruleSet: none\nrules: { trust/signed: {} }\ntrust: { engine: both, images: [{ pattern: "**", keys: [${key}] }] }\n`,
  );
  const checked = await runCli(['check', '-c', config, '-o', 'json', name], {
    env: { PATH: `${believing}:/usr/bin:/bin` },
  });
  t.is(checked.exitCode, 2, checked.stderr);
  const { findings, problems } = JSON.parse(checked.stdout);
  t.like(problems[0], { code: 'disagreement' });
  t.regex(findings[0].message, /^cannot tell because who made it could not be found out: /);
});
