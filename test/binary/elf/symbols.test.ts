import test from 'ava';
import { hashStyles } from '../../../src/binary/elf/hash-tables.ts';
import { STB, STT, visibilityName } from '../../../src/binary/elf/names.ts';
import { labElf, labFacts } from './lab-elf.ts';

const func = { binding: 'global', type: 'func', visibility: 'default' } as const;

function byName<Symbol extends { readonly name: string; readonly version: string | null }>(
  symbols: readonly Symbol[] | undefined,
): readonly Symbol[] {
  return (symbols ?? []).toSorted((left, right) =>
    `${left.name}@${left.version}` < `${right.name}@${right.version}` ? -1 : 1,
  );
}

test('one symbol of each kind', async (t) => {
  const lab = await labFacts(t, ['c/symbol-kinds']);
  if (lab === null) {
    return;
  }
  const { elf } = lab['c/symbol-kinds'];
  const common = { version: null, default: true, visibility: 'default' };
  t.deepEqual(byName(elf?.exports), [
    { ...common, name: 'kind_alias', binding: 'global', type: 'func', size: 6 },
    { ...common, name: 'kind_alias_target', binding: 'global', type: 'func', size: 6 },
    { ...common, name: 'kind_common', binding: 'global', type: 'object', size: 16 },
    { ...common, name: 'kind_constant', binding: 'global', type: 'object', size: 4 },
    { ...common, name: 'kind_ifunc', binding: 'global', type: 'gnu_ifunc', size: 8 },
    { ...common, name: 'kind_object', binding: 'global', type: 'object', size: 4 },
    { ...common, name: 'kind_protected', binding: 'global', type: 'func', size: 6, visibility: 'protected' },
    { ...common, name: 'kind_tls', binding: 'global', type: 'tls', size: 4 },
    ...byName(elf?.exports).filter(({ name }) => name === 'kind_user'),
    { ...common, name: 'kind_weak_defined', binding: 'weak', type: 'func', size: 6 },
  ]);
  const imports = new Map(elf?.imports?.map((symbol) => [symbol.name, symbol]));
  t.deepEqual(imports.get('kind_weak_undefined'), {
    name: 'kind_weak_undefined',
    version: null,
    library: null,
    binding: 'weak',
    type: 'notype',
  });
  t.false(imports.has('kind_hidden'));
});

test('a symbol in two versions, of which one is the default', async (t) => {
  const lab = await labFacts(t, ['c/versions']);
  if (lab === null) {
    return;
  }
  const { elf } = lab['c/versions'];
  t.deepEqual(
    byName(elf?.exports).filter(({ type }) => type === 'func'),
    [
      { name: 'answer', version: 'VERS_1.0', default: false, ...func, size: 6 },
      { name: 'answer', version: 'VERS_2.0', default: true, ...func, size: 6 },
      { name: 'only_new', version: 'VERS_2.0', default: true, ...func, size: 6 },
      { name: 'only_old', version: 'VERS_1.0', default: true, ...func, size: 6 },
    ],
  );
  t.deepEqual(elf?.versionsDefined, ['VERS_1.0', 'VERS_2.0']);
});

test('a version takes over the one it follows', async (t) => {
  const lab = await labElf(t, ['c/versions']);
  t.deepEqual(lab?.['c/versions'].symbolVersions?.defined, [
    { version: 'VERS_1.0', index: 2, parents: [], hash: 0x0a7927b0 },
    { version: 'VERS_2.0', index: 3, parents: ['VERS_1.0'], hash: 0x0a7922b0 },
  ]);
});

test('needed versions name their library', async (t) => {
  const lab = await labFacts(t, ['c/needs-future-glibc', 'c/glibc-new']);
  if (lab !== null) {
    t.deepEqual(lab['c/needs-future-glibc'].elf?.versionsNeeded, { 'libc.so.6': ['GLIBC_2.99'] });
    t.deepEqual(lab['c/glibc-new'].elf?.versionsNeeded, { 'libc.so.6': ['GLIBC_2.2.5', 'GLIBC_2.34'] });
  }
});

test('every style of hash table gives the same symbols', async (t) => {
  const lab = await labFacts(t, ['c/hash-sysv', 'c/hash-gnu', 'c/hash-both']);
  if (lab === null) {
    return;
  }
  const [systemV, gnu, both] = Object.values(lab).map(({ elf }) => ({
    imports: byName(elf?.imports),
    exports: byName(elf?.exports),
  }));
  t.deepEqual(systemV, gnu);
  t.deepEqual(systemV, both);
  t.is(systemV?.exports.length, 5);
  const files = await labElf(t, ['c/hash-sysv', 'c/hash-gnu', 'c/hash-both']);
  t.deepEqual(
    Object.values(files ?? {}).map(({ dynamic }) => dynamic && hashStyles(dynamic)),
    [['sysv'], ['gnu'], ['sysv', 'gnu']],
  );
});

test('protected symbols and unique ones say so', async (t) => {
  const lab = await labElf(t, ['c/own-symbols-protected', 'c/unique', 'c/not-unique']);
  if (lab === null) {
    return;
  }
  const named = (name: keyof typeof lab): readonly string[] => {
    const symbols = lab[name].dynamicSymbols;
    const texts: string[] = [];
    for (let index = 1; symbols !== null && index < symbols.length; index++) {
      const unique = symbols.binding(index) === STB.unique;
      if (symbols.isExport(index) && (unique || visibilityName(symbols.other(index)) === 'protected')) {
        texts.push(`${unique ? 'unique' : 'protected'} ${symbols.type(index) === STT.func ? 'func' : 'object'}`);
      }
    }
    return texts.sort();
  };
  t.deepEqual(named('c/own-symbols-protected'), ['protected func', 'protected object']);
  t.deepEqual(named('c/unique'), ['unique object', 'unique object']);
  t.deepEqual(named('c/not-unique'), []);
});

test("the linker's own symbols are there until the file is stripped", async (t) => {
  const lab = await labElf(t, ['c/my-api-hidden', 'c/my-api-hidden-stripped']);
  if (lab === null) {
    return;
  }
  const names = [...lab['c/my-api-hidden'].linkSymbols()].flatMap((chunk) =>
    Array.from({ length: chunk.length }, (_unused, index) => chunk.name(index)),
  );
  t.true(names.includes('my_api_internal_count'));
  t.deepEqual([...lab['c/my-api-hidden-stripped'].linkSymbols()], []);
});
