import test from 'ava';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { openFile } from '../../src/bytes/byte-source.ts';
import { findHiddenReferences } from '../../src/loader/hidden-references.ts';
import { artifacts } from '../lab/lab.ts';

test('references that stay undefined because a library, or the object itself, keeps the symbol to itself', async (t) => {
  const lab = await artifacts(['c/needy', 'c/needy-static', 'c/provider', 'c/provider-hidden', 'c/my-api-stripped']);
  if (!lab.available) {
    t.log(lab.reason);
    return t.pass();
  }
  const member = (name: keyof typeof lab.path) => {
    const source = openFile(lab.path[name]);
    t.teardown(() => source.close());
    return { name, elf: new ElfFile(source) };
  };
  const found = (...names: (keyof typeof lab.path)[]) => {
    const [first, ...others] = names.map(member);
    return first === undefined
      ? []
      : findHiddenReferences(first, [first, ...others]).map(({ symbol, hiddenIn, doubt }) => ({
          symbol,
          hiddenIn: hiddenIn?.member.name ?? null,
          doubt,
        }));
  };
  t.deepEqual(found('c/needy', 'c/provider'), []);
  t.deepEqual(found('c/needy', 'c/provider-hidden'), [
    { symbol: 'provider_fn', hiddenIn: 'c/provider-hidden', doubt: null },
  ]);
  t.deepEqual(found('c/needy-static', 'c/my-api-stripped'), [
    { symbol: 'provider_fn', hiddenIn: 'c/needy-static', doubt: null },
  ]);
  t.deepEqual(found('c/needy'), [{ symbol: 'provider_fn', hiddenIn: null, doubt: 'no library is checked with it' }]);
  t.deepEqual(found('c/needy', 'c/my-api-stripped'), [
    { symbol: 'provider_fn', hiddenIn: null, doubt: 'c/my-api-stripped is stripped of its symbol table' },
  ]);
});
