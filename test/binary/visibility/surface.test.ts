import test from 'ava';
import { ElfFile } from '../../../src/binary/elf/elf-file.ts';
import { leakedLibraries } from '../../../src/binary/visibility/bundled-libraries.ts';
import { readSurface } from '../../../src/binary/visibility/surface.ts';
import { openFile } from '../../../src/bytes/byte-source.ts';
import { findElfFiles } from '../../conformance/elf-files.ts';
import type { ArtifactName } from '../../lab/lab.ts';
import { labElf } from '../elf/lab-elf.ts';

const plugins: readonly ArtifactName[] = [
  ...(['go/plugin', 'go/plugin-stripped', 'go/plugin-without-sections', 'go/plugin-ldflags-s-w'] as const),
  ...(['go/plugin-race', 'go/plugin-no-optimization', 'go/plugin-musl', 'go/plugin-pluginpath'] as const),
  ...(['go/plugin@1.19', 'go/plugin@1.20', 'go/plugin@1.21', 'go/plugin@1.22', 'go/plugin@1.23'] as const),
  ...(['go/plugin@1.24', 'go/plugin@1.25', 'go/plugin@1.26', 'go/plugin-auditor', 'go/plugin-billing'] as const),
  ...(['go/plugin-cgo-hidden', 'cross/plugin-arm64', 'cross/plugin-s390x', 'go/plugin-bsymbolic'] as const),
];

for (const name of plugins) {
  test(`${name} offers no C names`, async (t) => {
    const lab = await labElf(t, [name]);
    const elf = lab?.[name];
    if (elf !== undefined) {
      const { names, count, leaked } = readSurface(elf, true);
      t.deepEqual({ names, count, leaked }, { names: [], count: 0, leaked: [] });
    }
  });
}

test('a Go plugin offers the C functions of its author', async (t) => {
  const lab = await labElf(t, ['go/plugin-cgo', 'go/plugin-hello-first', 'go/c-shared']);
  if (lab !== null) {
    t.deepEqual(
      Object.values(lab).map((elf) => readSurface(elf, true).names),
      [['cgo_greeting'], ['hello_impl'], ['GoAnswer']],
    );
  }
});

test("what a compiler hides is counted as long as the linker's symbols are there", async (t) => {
  const lab = await labElf(t, ['c/my-api', 'c/my-api-hidden', 'c/my-api-hidden-stripped']);
  if (lab !== null) {
    const rest = { protectedNames: [], uniqueNames: [], leaked: [] };
    const api = ['my_api_close', 'my_api_open'];
    const all = [
      'my_api_close',
      'my_api_internal_count',
      'my_api_internal_note',
      'my_api_internal_state',
      'my_api_open',
    ];
    t.deepEqual(readSurface(lab['c/my-api'], false), { names: all, count: 5, hiddenCount: 0, ...rest });
    t.deepEqual(readSurface(lab['c/my-api-hidden'], false), { names: api, count: 2, hiddenCount: 3, ...rest });
    t.deepEqual(readSurface(lab['c/my-api-hidden-stripped'], false), {
      names: api,
      count: 2,
      hiddenCount: null,
      ...rest,
    });
  }
});

test('a library that exports the zlib inside it leaks it, and one that hides it does not', async (t) => {
  const lab = await labElf(t, ['c/leaks-zlib', 'c/hides-zlib']);
  if (lab !== null) {
    t.deepEqual(readSurface(lab['c/leaks-zlib'], false).leaked, [
      {
        library: 'zlib',
        count: 12,
        symbols: [
          ...['adler32', 'compress', 'crc32', 'deflate', 'deflateEnd', 'deflateInit_', 'inflate', 'inflateEnd'],
        ],
      },
    ]);
    const { names, leaked } = readSurface(lab['c/hides-zlib'], false);
    t.deepEqual({ names, leaked }, { names: ['compressor_sum'], leaked: [] });
  }
});

test('names that keep a library from being unloaded, and names that cannot be replaced', async (t) => {
  const lab = await labElf(t, ['c/unique', 'c/not-unique', 'c/own-symbols-protected']);
  if (lab !== null) {
    t.deepEqual(readSurface(lab['c/unique'], false).uniqueNames, [
      '_ZN8RegistryIiE5countE',
      '_ZZ14inline_countervE7counter',
    ]);
    t.deepEqual(readSurface(lab['c/not-unique'], false).uniqueNames, []);
    t.deepEqual(readSurface(lab['c/own-symbols-protected'], false).protectedNames, ['own_data', 'own_function']);
  }
});

test('the names of versions are no names of code', async (t) => {
  const lab = await labElf(t, ['c/versions']);
  if (lab !== null) {
    t.deepEqual(readSurface(lab['c/versions'], false).names, ['answer', 'answer', 'only_new', 'only_old']);
  }
});

test('no library of the distribution is said to leak another one', (t) => {
  const found: string[] = [];
  let count = 0;
  for (const { path } of findElfFiles(['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64'])) {
    if (!path.includes('.so')) {
      continue;
    }
    const source = openFile(path);
    const elf = new ElfFile(source);
    count += 1;
    for (const { library, symbols } of readSurface(elf, false).leaked) {
      found.push(`${path}: ${library}: ${symbols.join(' ')}`);
    }
    source.close();
  }
  t.log(`${count} libraries`);
  t.deepEqual(found, []);
});

test('a library is not said to leak itself, and others are not taken for it', (t) => {
  const openssl = [
    'EVP_sha1',
    'EVP_md5',
    'EVP_sha256',
    'SSL_CTX_new',
    'SSL_CTX_free',
    'OPENSSL_init',
    'BN_new',
    'BN_free',
  ];
  t.deepEqual(leakedLibraries(openssl, 'libcrypto.so.3'), []);
  t.is(leakedLibraries(openssl, 'libplugin.so')[0]?.library, 'openssl');
  t.is(leakedLibraries(openssl, null)[0]?.count, 8);
  const jsonC = [
    'json_object_get',
    'json_object_put',
    'json_object_array_add',
    'json_object_new_int',
    'json_object_get_int',
  ];
  t.deepEqual(leakedLibraries(jsonC, 'libjson-c.so.5'), []);
  const jansson = ['json_loads', 'json_dumps', 'json_delete', 'json_pack', 'json_string_value'];
  t.is(leakedLibraries(jansson, 'libplugin.so')[0]?.library, 'jansson');
});
