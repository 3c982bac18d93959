import test from 'ava';
import { bufferSource, type FileSource } from '../../../src/bytes/byte-source.ts';
import { ElfgateError } from '../../../src/errors.ts';
import type { FileTree } from '../../../src/image/file-tree.ts';
import { insideRoot } from '../../../src/image/file-tree.ts';
import { LibraryShelf } from '../../../src/loader/library-closure/library-shelf.ts';
import { type Resolution, resolveFile } from '../../../src/loader/library-closure/resolution.ts';

/** A root that is held in memory. */
function treeOf(files: Readonly<Record<string, Buffer>>): FileTree {
  const byPath = new Map(Object.entries(files).map(([path, bytes]) => [insideRoot(path), bytes]));
  const isDirectory = (path: string): boolean =>
    path === '' || [...byPath.keys()].some((file) => file.startsWith(`${path}/`));
  return {
    entries: () => [...byPath].map(([path, { length }]) => ({ kind: 'file', path, size: length, layer: null })),
    resolve: (wanted) => {
      const path = insideRoot(wanted);
      const kind = byPath.has(path) ? 'file' : isDirectory(path) ? 'directory' : null;
      return kind === null ? null : { path, kind, mode: 0o755 };
    },
    open: (path): FileSource => {
      const bytes = byPath.get(path);
      if (bytes === undefined) {
        throw new ElfgateError('unreadable', `${path}: there is no such file`);
      }
      return { ...bufferSource(bytes), close: () => {} };
    },
  };
}

interface Library {
  readonly soname?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  /** Words of a GNU hash table, instead of an empty one. */
  readonly gnuHash?: readonly number[];
}

/** A shared library that consists of one segment: a dynamic section and the tables that it names. */
function library({ soname, needed = [], runpath, gnuHash = [1, 1, 1, 0, 0, 0, 0] }: Library): Buffer {
  const texts: string[] = [''];
  let length = 1;
  const place = (text: string): number => {
    const at = length;
    texts.push(text);
    length += text.length + 1;
    return at;
  };
  const entries: [number, number][] = needed.map((name) => [1, place(name)]);
  if (soname !== undefined) {
    entries.push([14, place(soname)]);
  }
  if (runpath !== undefined) {
    entries.push([29, place(runpath)]);
  }
  const strings = Buffer.from(`${texts.join('\0')}\0`);
  const dynamicAt = 64 + 2 * 56;
  const symbolsAt = dynamicAt + 16 * (entries.length + 6);
  const hashAt = symbolsAt + 24;
  const stringsAt = hashAt + 4 * gnuHash.length;
  entries.push([5, stringsAt], [10, strings.length], [6, symbolsAt], [11, 24], [0x6ffffef5, hashAt]);
  const file = Buffer.alloc(stringsAt + strings.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(62, 18);
  file.writeUInt32LE(1, 20);
  file.writeUInt32LE(64, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  for (const [index, [type, at]] of [[1, 0] as const, [2, dynamicAt] as const].entries()) {
    const header = 64 + index * 56;
    file.writeUInt32LE(type, header);
    for (const [field, value] of [
      [8, at],
      [16, at],
      [32, file.length - at],
      [40, file.length - at],
    ] as const) {
      file.writeUInt32LE(value, header + field);
    }
  }
  for (const [index, [tag, value]] of entries.entries()) {
    file.writeUInt32LE(tag >>> 0, dynamicAt + index * 16);
    file.writeUInt32LE(value, dynamicAt + index * 16 + 8);
  }
  for (const [index, word] of gnuHash.entries()) {
    file.writeUInt32LE(word, hashAt + index * 4);
  }
  strings.copy(file, stringsAt);
  return file;
}

function resolved(files: Readonly<Record<string, Buffer>>, file: string): Resolution {
  return resolveFile({ name: file, place: file, inRoot: file }, new LibraryShelf(treeOf(files)), {});
}

test('a library of one segment is read as one', (t) => {
  const files = { '/lib/a.so': library({ needed: ['b.so'] }), '/lib/b.so': library({ needed: ['a.so', 'c.so'] }) };
  const { libraries, missing } = resolved(files, '/lib/a.so');
  t.deepEqual(
    libraries.map(({ name }) => name),
    ['b.so'],
  );
  t.deepEqual(
    missing.map(({ name }) => name),
    ['c.so'],
  );
});

test('libraries that need the next one, five thousand deep, are found and are no cycle until the last needs the first', (t) => {
  const depth = 5_000;
  const chain = (last: string): Readonly<Record<string, Buffer>> =>
    Object.fromEntries(
      Array.from({ length: depth }, (_unused, index) => [
        `/lib/l${index}.so`,
        library({ needed: [index === depth - 1 ? last : `l${index + 1}.so`] }),
      ]),
    );
  const open = resolved(chain('absent.so'), '/lib/l0.so');
  t.is(open.libraries.length, depth - 1);
  t.deepEqual(
    open.missing.map(({ name }) => name),
    ['absent.so'],
  );
  t.deepEqual(open.cycles, []);
  t.is(resolved(chain('l0.so'), '/lib/l0.so').cycles[0]?.length, depth);
});

test('thousands of names in thousands of directories end at a bound and not after hours', (t) => {
  const needed = Array.from({ length: 4_000 }, (_unused, index) => `n${index}.so`);
  const runpath = Array.from({ length: 4_000 }, (_unused, index) => `/d${index}`).join(':');
  const error = t.throws(() => resolved({ '/lib/a.so': library({ needed, runpath }) }, '/lib/a.so'), {
    instanceOf: ElfgateError,
  });
  t.is(error.code, 'limit');
  t.regex(error.message, /^\/lib\/a\.so: its libraries are looked for in more than \d+ places$/);
});

test('files that only together keep their reader busy end at the bound of their root', (t) => {
  const count = 200;
  const needed = Array.from({ length: count }, (_unused, index) => `l${index}.so`);
  const files = Object.fromEntries(needed.map((name) => [`/lib/${name}`, library({ needed })]));
  const steps = 10_000_000;
  const shelf = new LibraryShelf(treeOf(files), steps);
  const answers = needed.map((name) => {
    try {
      return resolveFile({ name, place: name, inRoot: `/lib/${name}` }, shelf, {}).libraries.length;
    } catch (error) {
      return error instanceof ElfgateError ? error.code : String(error);
    }
  });
  t.is(answers[0], count - 1);
  t.is(answers.at(-1), 'limit');
  t.true(shelf.stepsLeft <= 0);
});

test('a loader that is one long path, and a cache of one name, do not keep their reader busy', (t) => {
  const path = '/lib64/ld-linux-x86-64.so.2';
  const loader = Buffer.concat([
    library({ soname: 'ld-linux-x86-64.so.2' }),
    Buffer.from(`\0${'/lib'.repeat(1_000_000)}`),
  ]);
  loader.writeUInt32LE(loader.length, 64 + 32);
  loader.writeUInt32LE(loader.length, 64 + 40);
  const entries = 200_000;
  const cache = Buffer.alloc(48 + 24 * entries + 16);
  cache.write('glibc-ld.so.cache1.1');
  cache.writeUInt32LE(entries, 20);
  for (let entry = 0; entry < entries; entry++) {
    cache.writeUInt32LE(48 + 24 * entries, 48 + 24 * entry + 4);
  }
  cache.write('n0.so', 48 + 24 * entries);
  const needed = Array.from({ length: 4_000 }, (_unused, index) => `n${'0'.repeat(index % 200)}.so`);
  const files = { '/lib/a.so': library({ needed }), [path]: loader, '/etc/ld.so.cache': cache };
  // Of the processor and not of the clock: other work on the machine is no fault of the reader.
  const start = process.cpuUsage();
  t.is(resolved(files, '/lib/a.so').missing.length, needed.length);
  t.true(process.cpuUsage(start).user < 15_000_000);
});

test('names that lead above the root, are endless or hold tokens find nothing', (t) => {
  const needed = ['../../../../etc/passwd', `/${'a/'.repeat(40_000)}x`, '$ORIGIN/$LIB/$PLATFORM/x.so', '', '/', '.'];
  const { libraries, missing, complete } = resolved({ '/lib/a.so': library({ needed }) }, '/lib/a.so');
  t.false(complete);
  t.deepEqual(libraries, []);
  t.is(missing.length, needed.length);
});

test('whatever byte of a library is wrong, there is an answer or an error that says where', (t) => {
  const user = library({ needed: ['b.so'], runpath: '$ORIGIN/x:/lib' });
  const provider = library({ soname: 'b.so', gnuHash: [1, 1, 1, 0, 0xffffffff, 0xffffffff, 1, 1] });
  for (const [path, other] of [
    ['/lib/a.so', '/lib/b.so'],
    ['/lib/b.so', '/lib/a.so'],
  ] as const) {
    const whole = { '/lib/a.so': user, '/lib/b.so': provider };
    for (let at = 0; at < whole[path].length; at++) {
      for (const value of [0x00, 0x01, 0x80, 0xff]) {
        const damaged = Buffer.from(whole[path]);
        damaged[at] = value;
        try {
          resolved({ [path]: damaged, [other]: whole[other] }, '/lib/a.so');
        } catch (error) {
          t.true(error instanceof ElfgateError, `${path} byte ${at} = ${value}: ${error}`);
        }
      }
    }
  }
  t.pass();
});
