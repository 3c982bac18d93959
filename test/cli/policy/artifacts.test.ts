import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { type SigningLab, signingLab } from '../../trust/signing-lab.ts';
import { emptyDirectory, runCli } from '../run-cli.ts';

// A rule that finds every file, so that it is seen whether it ran.
const rule = `# METADATA
# title: every file
# description: Finds every file.
# custom:
#   severity: warning
#   facts: [path]
#   sets: [recommended]
package elfgate.rules.house.everything

findings contains {"path": binary.path, "message": data.house.words.message} if some binary in input.binaries
`;

function writeAt(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

const policies = writeAt(emptyDirectory(), {
  'house/everything/everything.rego': rule,
  'house/words/data.yaml': 'message: is there\n',
});
const prepared = await signingLab('referrers');
const target = process.execPath;

test.after.always(() => (prepared.available ? prepared.lab.registry.stop() : undefined));

async function pushed(lab: SigningLab, name: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runCli(['policy', 'push', `${lab.registry.host}/${name}`, policies]);
  if (exitCode !== 0) {
    throw new Error(stderr);
  }
  return stdout.trim();
}

async function findings(args: readonly string[], cwd = emptyDirectory()) {
  const run = await runCli(['check', '--only-policy', ...args, target, '-o', 'json'], { cwd });
  return run.exitCode === 2
    ? run.stderr
    : JSON.parse(run.stdout).findings.map((one: { rule: string; message: string }) => [one.rule, one.message]);
}

function configured(lab: SigningLab, policySettings: string, key: string | null): string {
  const trust =
    key === null ? '' : `trust:\n  images:\n    - pattern: "${lab.registry.host}/house/**"\n      keys: [${key}]\n`;
  return writeAt(emptyDirectory(), {
    'elfgate.yaml': `apiVersion: elfgate.dev/v1\nkind: Config\n${policySettings}${trust}`,
  });
}

test('a bundle is pushed, pulled by tag and by digest, and the same policies have the same digest', async (t) => {
  if (!prepared.available) {
    t.log(`not run: ${prepared.reason}`);
    t.pass();
    return;
  }
  const { lab } = prepared;
  const reference = await pushed(lab, 'plain/policies:1.0');
  t.is(reference, await pushed(lab, 'plain/policies:1.0'));
  t.regex(reference, /\/plain\/policies:1\.0@sha256:[0-9a-f]{64}$/);
  const expected = [['house/everything', 'is there']];
  t.deepEqual(await findings(['--policy', `oci:${lab.registry.host}/plain/policies:1.0`]), expected);
  t.deepEqual(await findings(['--policy', `oci:${reference}`]), expected);

  const manifest = JSON.parse(await lab.crane('manifest', '--insecure', reference));
  t.is(manifest.artifactType, 'application/vnd.elfgate.policy.bundle.v1');
  const file = join(emptyDirectory(), 'bundle.tar.gz');
  t.is((await runCli(['policy', 'build', `oci:${reference}`, '--output-file', file])).exitCode, 0);
  t.is(`sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`, manifest.layers[0].digest);
  t.true(gunzipSync(readFileSync(file)).includes('house/words/data.yaml'));
  t.deepEqual(await findings(['--policy', file]), expected);
});

test('policies must be signed by whom the configuration trusts for them', async (t) => {
  if (!prepared.available) {
    t.log(`not run: ${prepared.reason}`);
    t.pass();
    return;
  }
  const { lab } = prepared;
  const reference = await pushed(lab, 'house/policies:1.0');
  const policy = ['--policy', `oci:${lab.registry.host}/house/policies:1.0`];
  process.env.COSIGN_PASSWORD = '';
  await lab.sign('generate-key-pair', '--output-key-prefix', join(lab.directory, 'policy'));
  await lab.sign('generate-key-pair', '--output-key-prefix', join(lab.directory, 'stranger'));
  const key = join(lab.directory, 'policy.pub');

  t.regex(
    String(await findings(policy, configured(lab, '', key))),
    /these policies are signed by nobody who is trusted: they are not signed/,
  );
  t.regex(
    String(await findings(policy, configured(lab, 'policies: { signature: required }\n', null))),
    /policies must be signed, and trust names nobody for these/,
  );
  await lab.sign(
    'sign',
    '--yes',
    '--key',
    join(lab.directory, 'policy.key'),
    '--signing-config',
    join(lab.directory, 'no-services.json'),
    reference.replace(':1.0@', '@'),
  );
  t.deepEqual(await findings(policy, configured(lab, 'policies: { signature: required }\n', key)), [
    ['house/everything', 'is there'],
  ]);
  t.regex(
    String(await findings(policy, configured(lab, '', join(lab.directory, 'stranger.pub')))),
    /cannot decide\[policy\].*these policies are signed by nobody who is trusted: /,
  );
});

test('a bundle that is a file must be signed next to it where that is required', async (t) => {
  const directory = emptyDirectory();
  const file = join(directory, 'bundle.tar.gz');
  t.is((await runCli(['policy', 'build', policies, '--output-file', file])).exitCode, 0);
  const cwd = writeAt(emptyDirectory(), {
    'elfgate.yaml': 'apiVersion: elfgate.dev/v1\nkind: Config\npolicies: { signature: required }\n',
  });
  t.regex(String(await findings(['--policy', file], cwd)), /policies must be signed, and trust names nobody for these/);
});

test('what a registry holds and is no bundle of policies is an error, never no policies', async (t) => {
  if (!prepared.available) {
    t.log(`not run: ${prepared.reason}`);
    t.pass();
    return;
  }
  const { lab } = prepared;
  const image = await lab.image('plain/image');
  t.regex(
    String(await findings(['--policy', `oci:${image}`])),
    /is no bundle of policies, which has one layer of|holds no policies|holds no rule/,
  );
  t.regex(
    String(await findings(['--policy', `oci:${lab.registry.host}/plain/nothing:1`])),
    /cannot decide\[not-found\]/,
  );
});
