import { ElfFile } from '../../../src/binary/elf/elf-file.ts';
import { bufferSource } from '../../../src/bytes/byte-source.ts';
import { FormatError } from '../../../src/errors.ts';
import { type InspectedBinary, inspectBinary } from '../../../src/facts/binary-facts.ts';

/** What became of reading some bytes, and what it took. */
export interface Attempt {
  readonly facts: InspectedBinary['facts'] | null;
  readonly refusal: FormatError | null;
  /** Milliseconds of computing: what else the machine does at the time is not counted. */
  readonly milliseconds: number;
}

/** Inspects bytes with everything listed. @throws whatever is no refusal of the bytes. */
export function attempt(bytes: Buffer): Attempt {
  const start = process.threadCpuUsage();
  const done = (facts: Attempt['facts'], refusal: FormatError | null): Attempt => ({
    facts,
    refusal,
    milliseconds: computed(start),
  });
  try {
    const options = { path: 'bytes', root: null, role: null, named: true, symbols: 'listed' } as const;
    return done(inspectBinary(bufferSource(bytes), options).facts, null);
  } catch (error) {
    if (error instanceof FormatError) {
      return done(null, error);
    }
    throw error;
  }
}

function computed(start: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1_000;
}

/** The file behind some bytes, read as far as its headers and dynamic section. */
export function elfOf(bytes: Buffer): ElfFile {
  return new ElfFile(bufferSource(bytes));
}
