import type { ExecutionContext } from 'ava';
import { ElfFile } from '../../../src/binary/elf/elf-file.ts';
import { openFile } from '../../../src/bytes/byte-source.ts';
import { inspectBinary } from '../../../src/facts/binary-facts.ts';
import type { BinaryFacts } from '../../../src/facts/schema.ts';
import { type ArtifactName, artifacts } from '../../lab/lab.ts';

/** The ELF files of artifacts, or `null` when this machine cannot make one of them, which is logged. */
export async function labElf<Name extends ArtifactName>(
  t: ExecutionContext,
  names: readonly Name[],
): Promise<Readonly<Record<Name, ElfFile>> | null> {
  return fromLab(t, names, (path) => {
    const source = openFile(path);
    t.teardown(() => source.close());
    return new ElfFile(source);
  });
}

/** All facts of artifacts, with symbols listed; `null` as above. */
export async function labFacts<Name extends ArtifactName>(
  t: ExecutionContext,
  names: readonly Name[],
): Promise<Readonly<Record<Name, BinaryFacts>> | null> {
  return fromLab(t, names, (path) => {
    const source = openFile(path);
    try {
      return inspectBinary(source, { path, root: null, role: null, named: true, symbols: 'listed' }).facts;
    } finally {
      source.close();
    }
  });
}

async function fromLab<Name extends ArtifactName, Result>(
  t: ExecutionContext,
  names: readonly Name[],
  read: (path: string) => Result,
): Promise<Readonly<Record<Name, Result>> | null> {
  const lab = await artifacts(names);
  if (!lab.available) {
    t.log(lab.reason);
    t.pass();
    return null;
  }
  const results: Partial<Record<Name, Result>> = {};
  for (const name of names) {
    results[name] = read(lab.path[name]);
  }
  return results as Record<Name, Result>;
}
