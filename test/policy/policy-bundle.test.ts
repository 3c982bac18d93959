import { readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { readBundle, writeBundle } from '../../src/policy/policy-bundle.ts';
import { directoryOf } from './scratch.ts';

const bundle = { revision: 'abc', wasm: new Uint8Array([0, 97, 115, 109]), rules: [], data: {} };

test('a bundle is read as it was written, and nothing else stays behind', async (t) => {
  const directory = join(directoryOf({}), 'bundle');
  await writeBundle(directory, bundle);
  await writeBundle(directory, bundle);
  const read = readBundle(directory);
  t.deepEqual({ ...read, wasm: [...read.wasm] }, { ...bundle, wasm: [...bundle.wasm] });
  t.deepEqual(readdirSync(dirname(directory)), ['bundle']);
});

test('several writers of one bundle do not disturb each other', async (t) => {
  const directory = join(directoryOf({}), 'bundle');
  await Promise.all(Array.from({ length: 8 }, () => writeBundle(directory, bundle)));
  t.is(readBundle(directory).revision, 'abc');
  t.deepEqual(readdirSync(dirname(directory)), ['bundle']);
});

const damages: readonly (readonly [string, string, string, RegExp])[] = [
  ['another module', 'policy.wasm', 'other', /policy\.wasm: is not the module that rules\.json was written for$/],
  ['a manifest that is no JSON', 'rules.json', '{', /rules\.json: is not JSON$/],
  [
    'a manifest of another format',
    'rules.json',
    '{"format":0}',
    /rules\.json: is not the manifest of a policy bundle of format 3$/,
  ],
  ['an empty manifest', 'rules.json', 'null', /rules\.json: is not the manifest/],
];

for (const [name, file, text, message] of damages) {
  test(`a bundle with ${name} is refused`, async (t) => {
    const directory = join(directoryOf({}), 'bundle');
    await writeBundle(directory, bundle);
    writeFileSync(join(directory, file), text);
    t.throws(() => readBundle(directory), { instanceOf: ElfgateError, code: 'policy', message });
  });
}

test('a bundle that is not there is unreadable', (t) => {
  t.throws(() => readBundle('/nonexistent'), { instanceOf: ElfgateError, code: 'unreadable' });
});
