import test from 'ava';
import { readBuildInformation } from '../../../src/binary/go/build-information.ts';
import { FormatError } from '../../../src/errors.ts';
import { elfOf } from '../elf/quick.ts';
import { FieldWriter, tinyElf } from '../elf/tiny-elf.ts';

const at = 0x1000;

function lengthed(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7];
  return Buffer.concat([Buffer.from(length), bytes]);
}

function header(pointerBytes: number, flags: number): Buffer {
  return Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.from([pointerBytes, flags])]);
}

function framed(modules: string): string {
  return `0123456789abcdef${modules}0123456789abcdef`;
}

/** A program with build information as Go writes it since 1.18. */
function program(modules: string, version = 'go1.26.8'): Buffer {
  return writable(Buffer.concat([header(8, 2), Buffer.alloc(16), lengthed(version), lengthed(framed(modules))]));
}

function writable(bytes: Buffer, start = at): Buffer {
  const address = 0x400000 + start;
  return tinyElf({
    type: 2,
    segments: [{ flags: 6, offset: start, address, fileBytes: bytes.length }],
    pieces: [[start, bytes]],
  });
}

test('modules, replacements and settings', (t) => {
  const modules = [
    'path\texample.com/app',
    'mod\texample.com/app\t(devel)\t',
    'dep\texample.com/one\tv1.0.0\th1:one=',
    'dep\texample.com/two\tv2.0.0',
    '=>\texample.com/fork\tv2.0.1\th1:fork=',
    'build\t-buildmode=plugin',
    'build\tCGO_CFLAGS="-O2 -g \\"quoted\\" \\x41\\u00e9\\n\\101"',
    'build\t"a b"=`raw`',
    'build\tempty=',
    'unknown\tline',
    '',
  ].join('\n');
  t.deepEqual(readBuildInformation(elfOf(program(modules))), {
    at,
    version: 'go1.26.8',
    path: 'example.com/app',
    main: { path: 'example.com/app', version: '(devel)', sum: '', replace: null },
    deps: [
      { path: 'example.com/one', version: 'v1.0.0', sum: 'h1:one=', replace: null },
      {
        path: 'example.com/two',
        version: 'v2.0.0',
        sum: '',
        replace: { path: 'example.com/fork', version: 'v2.0.1', sum: 'h1:fork=', replace: null },
      },
    ],
    settings: [
      ['-buildmode', 'plugin'],
      ['CGO_CFLAGS', '-O2 -g "quoted" A\u00e9\nA'],
      ['a b', 'raw'],
      ['empty', ''],
    ],
  });
});

test('before Go 1.18 the header points at its strings, in the byte order and width of the file', (t) => {
  for (const [is64, littleEndian] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const) {
    const base = 0x400000 + at;
    const modules = framed('path\tcommand-line-arguments\n');
    const write = new FieldWriter({ is64, littleEndian });
    const width = is64 ? 8 : 4;
    write.bytes(header(width, littleEndian ? 0 : 1)).word(base + 0x40, base + 0x60);
    write.bytes(Buffer.alloc(0x40 - 16 - 2 * width));
    write.word(base + 0x100, 6).bytes(Buffer.alloc(0x20 - 2 * width));
    write.word(base + 0x120, modules.length).bytes(Buffer.alloc(0x100 - 0x60 - 2 * width));
    write
      .text('go1.17')
      .bytes(Buffer.alloc(0x20 - 6))
      .text(modules);
    const information = write.done();
    const elf = elfOf(
      tinyElf({
        is64,
        littleEndian,
        type: 2,
        segments: [{ flags: 6, offset: at, address: base, fileBytes: information.length }],
        pieces: [[at, information]],
      }),
    );
    const build = readBuildInformation(elf);
    t.deepEqual([build?.version, build?.path], ['go1.17', 'command-line-arguments'], `${is64} ${littleEndian}`);
  }
});

test('the magic counts only at a multiple of sixteen bytes', (t) => {
  const information = Buffer.concat([header(8, 2), Buffer.alloc(16), lengthed('go1.26.8'), lengthed('')]);
  t.is(readBuildInformation(elfOf(writable(Buffer.concat([Buffer.alloc(8), information])))), null);
  t.is(readBuildInformation(elfOf(writable(Buffer.concat([Buffer.alloc(48), information]))))?.at, at + 48);
});

test('a magic with nothing behind it is no build information', (t) => {
  for (const bytes of [
    header(8, 2),
    Buffer.concat([header(8, 2), Buffer.alloc(16)]),
    Buffer.concat([header(8, 2), Buffer.alloc(16), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])]),
    Buffer.concat([header(8, 2), Buffer.alloc(16), Buffer.alloc(20, 0xff)]),
    Buffer.concat([header(8, 2), Buffer.alloc(16), lengthed(''), lengthed('')]),
    Buffer.concat([header(3, 0), Buffer.alloc(16)]),
    Buffer.concat([header(8, 0), Buffer.alloc(16, 0xff)]),
  ]) {
    t.is(readBuildInformation(elfOf(writable(bytes))), null);
  }
});

for (const [what, line] of [
  ['a module of one column', 'mod\texample.com/app'],
  ['a module of four columns', 'dep\ta\tb\tc\td'],
  ['a replacement of nothing', '=>\ta\tb\tc'],
  ['a setting without a value', 'build\tCGO_ENABLED'],
  ['a setting without a name', 'build\t=1'],
  ['a name that does not end', 'build\t"CGO=1'],
  ['a value that does not end', 'build\tCGO="1'],
] as const) {
  test(`${what} is refused, as the go command does`, (t) => {
    t.throws(() => readBuildInformation(elfOf(program(`${line}\n`))), {
      instanceOf: FormatError,
      message: /^offset 0x1000: /,
    });
  });
}
