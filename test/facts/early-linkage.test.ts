import { join } from 'node:path';
import test from 'ava';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { openFile } from '../../src/bytes/byte-source.ts';
import { inspectAlone, inspectTree } from '../../src/facts/inspect-tree.ts';
import { type EarlyLinkage, earlyLinkageOf } from '../../src/facts/linkage-facts.ts';
import { directoryTree } from '../../src/image/directory.ts';
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
