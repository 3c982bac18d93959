import test from 'ava';
import { readGoFile } from '../../src/binary/go/go-file.ts';
import type { BinaryFacts } from '../../src/facts/schema.ts';
import { labElf, labFacts } from './elf/lab-elf.ts';

/** Facts that a loader lives by: all but the file's own identity and what only sections tell. */
function loaded(facts: BinaryFacts): unknown {
  const { elf, go, libc } = facts;
  return {
    elf: elf && {
      ...elf,
      stripped: null,
      comment: null,
      debugInformation: null,
      surface: elf.surface && { ...elf.surface, hiddenCount: null },
    },
    go: go && { ...go, versionAt: null },
    libc: libc && { ...libc, nssAt: null },
  };
}

const twins = [
  ['c/my-api', 'c/without-sections'],
  ['go/plugin', 'go/plugin-without-sections'],
  ['go/host', 'go/host-without-sections'],
] as const;

for (const [name, twin] of twins) {
  test(`${twin} tells the same facts as ${name}`, async (t) => {
    const lab = await labFacts(t, [name, twin]);
    if (lab !== null) {
      t.true((lab[twin].elf?.exports?.length ?? 0) > 0);
      t.deepEqual(loaded(lab[twin]), loaded(lab[name]));
    }
  });
}

test('package hashes and their order need no sections', async (t) => {
  const lab = await labElf(t, ['go/plugin', 'go/plugin-without-sections', 'go/plugin-stripped']);
  if (lab === null) {
    return;
  }
  const [whole, ...others] = Object.values(lab).map((elf) => {
    const hashes = readGoFile(elf)?.hashes;
    return {
      hashes: [...(hashes?.byPackage.values() ?? [])].map((each) => `${each.package} ${each.hash}`),
      order: hashes?.checkOrder,
    };
  });
  t.is(whole?.hashes.length, 64);
  t.is(whole?.order?.length, 64);
  for (const other of others) {
    t.deepEqual(other, whole);
  }
});
