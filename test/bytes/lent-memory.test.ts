import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { type ByteSource, bufferSource, openFile } from '../../src/bytes/byte-source.ts';
import { withLentMemory } from '../../src/bytes/lent-memory.ts';
import { FormatError } from '../../src/errors.ts';
import { inspectAlone } from '../../src/facts/inspect-tree.ts';
import { opensOf } from '../../src/facts/linkage-facts.ts';
import { readSharedObject } from '../../src/loader/library-closure/shared-object.ts';
import { readSymbolIndex } from '../../src/loader/library-closure/symbol-index.ts';
import { artifacts } from '../lab/lab.ts';

const directory = mkdtempSync(join(tmpdir(), 'elfgate-lent-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const bytes = randomBytes((12 << 20) + 4321);
writeFileSync(join(directory, 'random'), bytes);

/** Overwrites all memory that is lent from now on: what holds on to bytes of an earlier file shows it. */
function overwriteLentMemory(): void {
  const longest = 8 << 20;
  const source: ByteSource = {
    size: longest,
    read() {
      throw new Error('does not fit into the memory that is lent');
    },
    readInto(target) {
      target.fill(0xaa);
    },
  };
  withLentMemory(source, (outer) => {
    outer.read(0, longest);
    withLentMemory(source, (inner) => inner.read(0, longest));
  });
}

test('lent memory gives the bytes of the file, also when there are more of them than it has room for', (t) => {
  const file = openFile(join(directory, 'random'));
  const memory = bufferSource(bytes);
  withLentMemory(file, (source) => {
    t.is(source.size, bytes.length);
    for (const length of [1, 7, 4_096, 65_535, 65_536, 65_537, 1_000_003]) {
      for (let offset = 0; offset + length <= bytes.length; offset += 1_299_709) {
        t.true(source.read(offset, length).equals(memory.read(offset, length)), `${length} bytes from ${offset}`);
      }
      t.true(source.read(bytes.length - length, length).equals(memory.read(bytes.length - length, length)));
    }
    const target = Buffer.alloc(70_000);
    source.readInto?.(target, 65_000);
    t.true(target.equals(memory.read(65_000, 70_000)));
  });
  file.close();
});

test('bytes stay as they are for as long as the question is asked, whatever is read and asked meanwhile', (t) => {
  const file = openFile(join(directory, 'random'));
  withLentMemory(file, (source) => {
    const first = source.read(100, 200_000);
    const page = source.read(70_000, 16);
    for (let offset = 0; offset < source.size - 16; offset += 65_536) {
      source.read(offset, 16);
    }
    withLentMemory(file, (other) => other.read(5_000_000, 300_000));
    t.true(first.equals(bytes.subarray(100, 200_100)));
    t.true(page.equals(bytes.subarray(70_000, 70_016)));
  });
  file.close();
});

test('ranges outside of the file are refused as the file refuses them', (t) => {
  const file = openFile(join(directory, 'random'));
  const ranges: readonly (readonly [number, number])[] = [
    [bytes.length, 1],
    [bytes.length - 1, 2],
    [-1, 4],
    [0, -1],
    [Number.NaN, 4],
    [2 ** 53, 4],
    [4, 2 ** 44],
  ];
  for (const [offset, length] of ranges) {
    const refused = t.throws(() => file.read(offset, length), { instanceOf: FormatError });
    withLentMemory(file, (source) => {
      t.throws(() => source.read(offset, length), { instanceOf: FormatError, message: refused?.message ?? '' });
    });
  }
  t.is(
    withLentMemory(file, (source) => source.read(5, 0).length),
    0,
  );
  file.close();
});

test('memory comes back from a question that fails', (t) => {
  const file = openFile(join(directory, 'random'));
  const memories = new Set<ArrayBufferLike>();
  for (let round = 0; round < 5; round++) {
    t.throws(() =>
      withLentMemory(file, (source) => {
        memories.add(source.read(0, 100_000).buffer);
        throw new Error('no answer');
      }),
    );
  }
  t.is(memories.size, 1);
  file.close();
});

test('facts, symbols and questions hold on to no bytes of their file', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['go/host', 'go/plugin', 'c/calls-provider', 'c/provider']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return;
  }
  for (const path of Object.values(lab.path)) {
    const file = openFile(path);
    const answers = {
      facts: inspectAlone(file, path, 'listed'),
      object: withoutFunctions(readSharedObject(path, path, () => openFile(path))),
      symbols: readSharedObject(path, path, () => openFile(path)).symbols(),
      index: withLentMemory(file, (source) => readSymbolIndex(new ElfFile(source))),
      opens: withLentMemory(file, (source) => opensOf(new ElfFile(source))),
    };
    const before = structuredClone(answers);
    overwriteLentMemory();
    t.deepEqual(answers, before, path);
    file.close();
  }
});

function withoutFunctions(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => typeof value !== 'function'));
}
