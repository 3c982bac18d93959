import test from 'ava';
import { compareReleases, minimumGlibc } from '../../../src/binary/libc/minimum-version.ts';
import { findVsyscalls } from '../../../src/binary/libc/vsyscall.ts';
import type { ArtifactName } from '../../lab/lab.ts';
import { labElf, labFacts } from '../elf/lab-elf.ts';
import { elfOf } from '../elf/quick.ts';
import { tinyElf } from '../elf/tiny-elf.ts';

const nameServices: readonly (readonly [ArtifactName, boolean, readonly string[]])[] = [
  ['c/resolver', true, ['getaddrinfo', 'getpwnam']],
  ['c/resolver-static-stripped', true, []],
  ['c/resolver-musl-static', false, []],
  ['c/hello', false, []],
  ['c/hello-static', false, []],
  ['c/hello-static-stripped', false, []],
  ['c/hello-musl', false, []],
  ['go/resolver-static-netgo', false, []],
  ['go/resolver-static-netgo-stripped', false, []],
  ['go/resolver-without-cgo', false, []],
  ['go/resolver-without-cgo-stripped', false, []],
];

for (const [name, uses, functions] of nameServices) {
  test(`${name} ${uses ? 'reaches' : 'does not reach'} the name service switch`, async (t) => {
    const lab = await labFacts(t, [name]);
    const libc = lab?.[name].libc;
    if (libc !== undefined) {
      t.deepEqual(libc && [libc.usesNss, libc.nssFunctions], [uses, [...functions]]);
    }
  });
}

test('a static program that is not stripped names the look-ups that were linked into it', async (t) => {
  const lab = await labFacts(t, ['c/resolver-static']);
  const libc = lab?.['c/resolver-static'].libc;
  if (libc) {
    t.true(libc.usesNss);
    // What these two call in turn differs from one glibc to the next.
    t.true(libc.nssFunctions.includes('getaddrinfo') && libc.nssFunctions.includes('getpwnam'));
    t.false(libc.nssFunctions.includes('getgrnam'));
  }
});

for (const name of ['go/resolver-static-cgo', 'go/resolver-static-cgo-stripped'] as const) {
  test(`${name} reaches the name service switch through Go's cgo resolver`, async (t) => {
    const lab = await labFacts(t, [name]);
    if (lab !== null) {
      const { libc, go } = lab[name];
      t.true(libc?.usesNss);
      t.deepEqual(libc?.nssFunctions, go?.cResolver);
      t.true(go?.cResolver.includes('net._C2func_getaddrinfo'));
      t.regex(libc?.nssAt ?? '', /^\.rodata\+0x[0-9a-f]+$/);
    }
  });
}

test('each entry of the vsyscall page that code calls is found once', async (t) => {
  const lab = await labElf(t, ['c/vsyscall', 'c/vsyscall-none']);
  if (lab !== null) {
    const found = findVsyscalls(lab['c/vsyscall']);
    t.deepEqual(found.map(({ entry }) => entry).sort(), ['getcpu', 'gettimeofday', 'time']);
    for (const { at } of found) {
      t.is(lab['c/vsyscall'].source.read(at, 1)[0], 0x48);
    }
    t.deepEqual(findVsyscalls(lab['c/vsyscall-none']), []);
  }
});

// mov $0xffffffffff600400, %rax; movabs $0xffffffffff600000, %r11; call *0xffffffffff600800.
const forms = [
  ['48c7c0000460ff', 'time'],
  ['49bb000060ffffffffff', 'gettimeofday'],
  ['ff1425000860ff', 'getcpu'],
] as const;

test('the three forms of the instruction are known, wherever they lie in the code', (t) => {
  for (const [hex, entry] of forms) {
    const instruction = Buffer.from(hex, 'hex');
    for (const at of [0, 1, 100, 4_096 - instruction.length]) {
      const code = Buffer.alloc(4_096, 0x90);
      instruction.copy(code, at);
      const elf = elfOf(
        tinyElf({ segments: [{ flags: 5, offset: 0x400, fileBytes: 4_096 }], pieces: [[0x400, code]] }),
      );
      t.deepEqual(findVsyscalls(elf), [{ at: 0x400 + at, entry }], `${hex} at ${at}`);
    }
  }
});

test('the address alone, in data or in another instruction, is no call', (t) => {
  for (const [hex, flags] of [
    ['48c7c0000460ff', 4],
    ['48c7c0000c60ff', 5],
    ['00000000000460ff', 5],
    ['48bb000060ff00000000', 5],
  ] as const) {
    const code = Buffer.concat([Buffer.alloc(16, 0x90), Buffer.from(hex, 'hex'), Buffer.alloc(16, 0x90)]);
    const elf = elfOf(
      tinyElf({ segments: [{ flags, offset: 0x400, fileBytes: code.length }], pieces: [[0x400, code]] }),
    );
    t.deepEqual(findVsyscalls(elf), [], hex);
  }
});

test('the oldest glibc that will do is the newest version asked for', async (t) => {
  const lab = await labFacts(t, [
    'c/glibc-new',
    'c/glibc-old',
    'c/needs-future-glibc',
    'c/hello-musl',
    'c/symbol-kinds',
  ]);
  if (lab !== null) {
    t.deepEqual(
      Object.values(lab).map(({ libc }) => [libc?.minimum, libc?.minimumLibrary]),
      [
        ['2.34', 'libc.so.6'],
        ['2.2.5', 'libc.so.6'],
        ['2.99', 'libc.so.6'],
        [null, null],
        ['2.3', 'ld-linux-x86-64.so.2'],
      ],
    );
  }
});

test('weak versions, private ones and those of other libraries ask for no glibc', (t) => {
  const needed = (version: string, weak = false) => ({ library: 'libc.so.6', version, index: 2, hash: 0, weak });
  t.is(minimumGlibc([needed('GLIBC_PRIVATE'), needed('GLIBCXX_3.4.30'), needed('GLIBC_2.40', true)]), null);
  t.deepEqual(minimumGlibc([needed('GLIBC_2.9'), needed('GLIBC_2.10'), needed('GLIBC_2.2.5')])?.version, '2.10');
  t.deepEqual(minimumGlibc([needed('GLIBC_2.34'), needed('GLIBC_ABI_DT_RELR')])?.version, '2.36');
});

test('releases are compared number by number', (t) => {
  t.true(compareReleases('2.9', '2.10') < 0);
  t.true(compareReleases('2.2.5', '2.2') > 0);
  t.is(compareReleases('2.0', '2'), 0);
});
