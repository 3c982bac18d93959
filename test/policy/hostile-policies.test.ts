import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { loadWasmPolicy } from '../../src/policy/wasm-policy.ts';
import { runCli } from '../cli/run-cli.ts';
import { compiled, directoryOf } from './scratch.ts';

const metadata =
  '# METADATA\n# title: t\n# description: d\n# custom:\n#   severity: error\n#   facts: []\n#   sets: [recommended]\n';
const rule = (rego: string) => ({ 'own/rule/rule.rego': `${metadata}package elfgate.rules.own.rule\n\n${rego}\n` });
const finding = '{"path": "a", "message": "b"}';

/** Policies that no verdict may rest on, and what is said about them. */
const hostile: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  [
    'contradict themselves',
    rule(`findings contains ${finding} if text != ""\n\ntext := x if some x in ["one", "other"]`),
    /cannot decide\[evaluation\]: the policy failed in rule own\/rule: .*conflict/,
  ],
  [
    'call themselves',
    rule(`findings contains ${finding} if count(again) > 0\n\nagain contains x if some x in findings`),
    /cannot decide\[policy\]: \S*own\/rule\/rule\.rego:\d+:\d+: .* is recursive/,
  ],
  [
    'have no findings',
    rule(`finding contains ${finding}`),
    /cannot decide\[policy\]: \S*own\/rule\/rule\.rego:8:1: rule own\/rule has no set named findings/,
  ],
  [
    'call what does not exist',
    rule(`findings contains ${finding} if no.such(input)`),
    /cannot decide\[policy\]: .*undefined function no\.such/,
  ],
  [
    'are nested a hundred thousand levels deep',
    rule(`findings contains ${finding} if ${'['.repeat(100_000)}${']'.repeat(100_000)}`),
    /cannot decide\[policy\]: opa build failed: the sources are nested too deeply/,
  ],
  [
    'declare the package of a rule that is there',
    {
      'plugin/exports/more.rego': `${metadata}package elfgate.rules.plugin.exports\n\nfindings contains ${finding}\n`,
    },
    /cannot decide\[policy\]: /,
  ],
];

for (const [name, files, expected] of hostile) {
  test(`policies that ${name} decide nothing`, async (t) => {
    const { exitCode, stdout, stderr } = await runCli(['check', '--policy', directoryOf(files), process.execPath]);
    t.regex(stderr, expected);
    t.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
  });
}

test('policies that are no UTF-8 decide nothing', async (t) => {
  const directory = directoryOf({ 'own/rule/rule.rego': '' });
  writeFileSync(join(directory, 'own/rule/rule.rego'), Buffer.from([0x70, 0xff, 0xfe]));
  const { exitCode, stdout, stderr } = await runCli(['check', '--policy', directory, process.execPath]);
  t.regex(stderr, /cannot decide\[policy\]: .*rule\.rego: is not UTF-8 text/);
  t.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
});

test('a module of another ABI is refused, and so is one that is cut short', async (t) => {
  // Globals opa_wasm_abi_version = 2 and opa_wasm_abi_minor_version = 0, exported; nothing else.
  const [major, minor] = ['opa_wasm_abi_version', 'opa_wasm_abi_minor_version'].map((name) => Buffer.from(name));
  const exported = (name: Buffer, index: number) => [name.length, ...name, 3, index];
  const exports = [2, ...exported(major ?? Buffer.of(), 0), ...exported(minor ?? Buffer.of(), 1)];
  const globals = [2, 0x7f, 0, 0x41, 2, 0x0b, 0x7f, 0, 0x41, 0, 0x0b];
  const other = Uint8Array.of(
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    6,
    globals.length,
    ...globals,
    7,
    exports.length,
    ...exports,
  );
  await t.throwsAsync(loadWasmPolicy(other, {}), {
    instanceOf: ElfgateError,
    code: 'policy',
    message: 'the compiled policy cannot be loaded: its ABI version is 2.0, and 1.2 or a later 1 is needed',
  });
  const whole = await compiled('package elfgate\n\nverdict := input\n');
  await t.throwsAsync(loadWasmPolicy(whole.slice(0, whole.length >> 1), {}), {
    instanceOf: ElfgateError,
    code: 'policy',
    message: 'the compiled policy is not a WebAssembly module',
  });
});

test('ten megabytes of base data are judged by, and more than the limit is refused', async (t) => {
  const wasm = await compiled('package elfgate\n\nverdict := count(data.names)\n');
  const names = Array.from({ length: 200_000 }, (_, index) => `a name of about fifty characters, and number ${index}`);
  const policy = await loadWasmPolicy(wasm, { names });
  t.is(policy.evaluate({}), 200_000);
  await t.throwsAsync(loadWasmPolicy(wasm, { names: Array.from({ length: 16 }, () => names) }), {
    instanceOf: ElfgateError,
    code: 'limit',
  });
});
