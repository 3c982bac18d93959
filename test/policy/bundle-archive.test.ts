import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { pack } from 'tar-stream';
import { ElfgateError } from '../../src/errors.ts';
import { packBundle, unpackBundle } from '../../src/policy/bundle-archive.ts';
import { compilePolicies } from '../../src/policy/compile-policies.ts';
import { readPolicySources } from '../../src/policy/policy-sources.ts';
import { directoryOf, engineFiles, opaOptions, toyRules } from './scratch.ts';

const engine = directoryOf(engineFiles);
const bundle = compilePolicies([engine, toyRules], opaOptions);

type Entry = readonly [header: { readonly name: string; readonly type?: 'symlink' | 'file' }, content: string | Buffer];

async function archiveOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, content] of entries) {
    archive.entry({ ...header, linkname: '/etc/passwd' }, Buffer.from(content));
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) {
    chunks.push(chunk as Buffer);
  }
  return gzipSync(Buffer.concat(chunks));
}

async function complaint(bytes: Buffer): Promise<string> {
  const cache = directoryOf({});
  try {
    await unpackBundle(bytes, 'b.tar.gz', cache);
  } catch (error) {
    if (error instanceof ElfgateError && error.code === 'policy') {
      return error.message;
    }
    throw error;
  }
  return 'unpacked';
}

test('a bundle holds what it was made of, and the same policies make the same bytes', async (t) => {
  const sources = readPolicySources([engine, toyRules]);
  const packed = await packBundle(await bundle, sources);
  t.deepEqual(await packBundle(await bundle, sources), packed);
  const directory = await unpackBundle(packed, 'b.tar.gz', directoryOf({}));
  t.deepEqual(readPolicySources([directory]).policies, sources.policies);
  t.is(readFileSync(join(directory, 'policy.wasm')).compare((await bundle).wasm), 0);
  t.is((await compilePolicies([directory], opaOptions)).revision, (await bundle).revision);
});

const rego: Entry = [{ name: 'a.rego' }, 'package a\n'];
const hostile: readonly (readonly [string, readonly Entry[], string])[] = [
  ['climbs up', [[{ name: '../evil.rego' }, 'x']], 'b.tar.gz: its entry "../evil.rego" leads out of the bundle'],
  [
    'climbs up later',
    [[{ name: 'a/../../b.rego' }, 'x']],
    'b.tar.gz: its entry "a/../../b.rego" leads out of the bundle',
  ],
  [
    'is a link',
    [rego, [{ name: 'link.rego', type: 'symlink' }, '']],
    'b.tar.gz: its entry "link.rego" is a symlink, and a bundle holds plain files',
  ],
  ['is there twice', [rego, rego], 'b.tar.gz: holds "a.rego" twice'],
  ['is all there is, and no Rego', [[{ name: 'x' }, 'x']], 'b.tar.gz: holds no policies'],
  [
    'is Wasm that is cut short',
    [rego, [{ name: 'policy.wasm' }, Buffer.from([0, 97, 115, 109, 1, 0, 0, 0, 1])]],
    'b.tar.gz: policy.wasm: the compiled policy is not a WebAssembly module',
  ],
];

for (const [name, entries, expected] of hostile) {
  test(`an entry that ${name} is refused`, async (t) => {
    t.is(await complaint(await archiveOf(entries)), expected);
  });
}

test('an absolute path is taken below the bundle', async (t) => {
  const cache = directoryOf({});
  const directory = await unpackBundle(await archiveOf([[{ name: '/etc/a.rego' }, 'package a\n']]), 'b', cache);
  t.true(existsSync(join(directory, 'etc/a.rego')));
});

test('Wasm of no ABI that is known is refused', async (t) => {
  const strange = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]);
  t.regex(
    await complaint(await archiveOf([rego, [{ name: 'policy.wasm' }, strange]])),
    /^b\.tar\.gz: policy\.wasm: the compiled policy cannot be loaded: its ABI version is undefined/,
  );
});

test('what is no gzip, and what is cut short, is refused', async (t) => {
  const whole = await archiveOf([rego]);
  t.is(await complaint(Buffer.from('nothing')), 'b.tar.gz: is not a whole gzip file');
  t.is(await complaint(whole.subarray(0, whole.length - 12)), 'b.tar.gz: is not a whole gzip file');
});
