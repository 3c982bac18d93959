import { join } from 'node:path';
import test from 'ava';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { openFile } from '../../src/bytes/byte-source.ts';
import { inspectAlone, inspectTree } from '../../src/facts/inspect-tree.ts';
import { type EarlyLinkage, earlyLinkageOf } from '../../src/facts/linkage-facts.ts';
import { directoryTree } from '../../src/image/directory.ts';
import {
  boundEarly,
  EarlyBinding,
  type EarlyRemainder,
  rememberRemainder,
} from '../../src/loader/library-closure/early-binding.ts';
import { artifacts } from '../lab/lab.ts';

test('the linkage of a root is the same whether its objects are read then or were read early, by another thread', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['debian/bookworm']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return;
  }
  const root = lab.path['debian/bookworm'];
  const found = new Map<string, EarlyLinkage | null>();
  const expected = inspectTree(directoryTree(root), { symbols: 'counted' });
  for (const { facts } of expected.binaries) {
    const source = openFile(join(root, facts.path));
    let linkage: EarlyLinkage | null = null;
    const alone = inspectAlone(source, facts.path, 'counted', (elf) => {
      linkage = earlyLinkageOf(elf);
    });
    source.close();
    t.false(alone === null || 'code' in alone);
    found.set(facts.path, linkage);
  }
  // As it comes from another thread, which hands over what it found in several files once it is done with all of them.
  const early = structuredClone(found);
  t.true([...early.values()].filter((linkage) => linkage !== null).length > 500);
  const paths = [...early.keys()];
  const knownTo = { all: new Set(paths), 'every other one': new Set(paths.filter((_, index) => index % 2 === 0)) };
  for (const [which, known] of Object.entries(knownTo)) {
    const { linkage, binaries } = inspectTree(directoryTree(root), {
      symbols: 'counted',
      earlyLinkage: (path) => (known.has(path) ? (early.get(path) ?? null) : null),
    });
    t.deepEqual(linkage, expected.linkage, which);
    t.is(binaries.length, expected.binaries.length);
  }

  // Their references are looked up meanwhile, by the thread that has read them, in whatever order.
  const binding = new EarlyBinding();
  const objects = paths.map((path) => found.get(path) ?? null);
  for (const [number, known] of objects.entries()) {
    if (known !== null) {
      binding.add(number, known);
    }
  }
  const remainders: EarlyRemainder[] = [];
  for (let next = binding.next(); next !== null; next = binding.next()) {
    remainders.push(structuredClone(next));
  }
  t.true(remainders.length > 500);
  const symbolsOf = (number: number) => early.get(paths[number] ?? '')?.symbols;
  for (const remainder of remainders) {
    const [object, ...others] = remainder.providers.map(symbolsOf);
    if (object === undefined) {
      throw new Error('what was bound was read before');
    }
    rememberRemainder([object, ...others.filter((other) => other !== undefined)], remainder);
  }
  const bound = inspectTree(directoryTree(root), {
    symbols: 'counted',
    earlyLinkage: (path) => early.get(path) ?? null,
  });
  t.deepEqual(bound.linkage, expected.linkage);
});

test('what is left of references is believed for the very libraries that they were looked up in, and for no others', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['c/provider', 'c/needy-linked']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return;
  }
  const [needy, provider] = [lab.path['c/needy-linked'], lab.path['c/provider']].map((path) => {
    const source = openFile(path);
    const known = earlyLinkageOf(new ElfFile(source));
    source.close();
    if (known === null) {
      throw new Error(`${path} is an object that a loader reads`);
    }
    return known;
  }) as [EarlyLinkage, EarlyLinkage];
  const binding = new EarlyBinding();
  binding.add(7, needy);
  t.is(binding.next(), null, 'what it needs was not seen yet');
  binding.add(9, provider);
  const remainders = [binding.next(), binding.next()];
  const ofNeedy = remainders.find((remainder) => remainder?.providers[0] === 7);
  t.deepEqual(ofNeedy?.providers, [7, 9]);
  if (ofNeedy === undefined || ofNeedy === null) {
    return;
  }

  const index = ({ symbols }: EarlyLinkage) => ({ name: '', index: symbols });
  const providers = [index(needy), index(provider)];
  rememberRemainder([needy.symbols, provider.symbols], ofNeedy);
  t.deepEqual(boundEarly(needy.symbols, providers, 'glibc'), ofNeedy.references);
  t.is(boundEarly(needy.symbols, providers, 'musl'), null);
  t.is(boundEarly(needy.symbols, providers.slice(0, 1), 'glibc'), null);
  t.is(boundEarly(needy.symbols, [index(needy), index(structuredClone(provider))], 'glibc'), null);
  t.is(boundEarly(structuredClone(needy).symbols, providers, 'glibc'), null);
  t.is(boundEarly(provider.symbols, providers, 'glibc'), null);
});

test('nothing is known early of an object that contradicts its format, or that no loader reads', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['c/provider', 'go/resolver-without-cgo']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return;
  }
  const file = openFile(lab.path['c/provider']);
  const bytes = Buffer.from(file.read(0, file.size));
  file.close();
  const elf = (source: Buffer) =>
    new ElfFile({ size: source.length, read: (offset, length) => source.subarray(offset, offset + length) });
  t.not(earlyLinkageOf(elf(bytes)), null);
  const { dynamic } = elf(bytes);
  // DT_GNU_HASH leads out of the file.
  const entry = dynamic?.entries.find(({ tag }) => tag === 0x6ffffef5);
  bytes.writeBigUInt64LE(0x7fff_0000n, (entry?.at ?? 0) + 8);
  t.is(earlyLinkageOf(elf(bytes)), null);
  const program = openFile(lab.path['go/resolver-without-cgo']);
  t.is(earlyLinkageOf(new ElfFile(program)), null);
  program.close();
});
