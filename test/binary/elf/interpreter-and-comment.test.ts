import test from 'ava';
import { labElf } from './lab-elf.ts';
import { elfOf } from './quick.ts';
import { tinyElf } from './tiny-elf.ts';

test('the interpreter is what a program names, and nothing for static programs and libraries', async (t) => {
  const lab = await labElf(t, ['c/hello', 'c/hello-bogus-interpreter', 'c/hello-static', 'c/my-api', 'go/plugin']);
  if (lab !== null) {
    t.deepEqual(
      Object.values(lab).map(({ interpreter }) => interpreter),
      ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-none.so.1', null, null, null],
    );
  }
});

test('the interpreter ends at its first NUL', (t) => {
  const path = Buffer.from('/lib/ld.so\0/other\0');
  const elf = elfOf(
    tinyElf({ segments: [{ type: 3, offset: 0x400, fileBytes: path.length }], pieces: [[0x400, path]] }),
  );
  t.is(elf.interpreter, '/lib/ld.so');
});

test('compilers leave a line each', async (t) => {
  const lab = await labElf(t, ['c/my-api', 'c/without-sections']);
  if (lab !== null) {
    t.is(lab['c/my-api'].comment().length, 1);
    t.regex(lab['c/my-api'].comment()[0] ?? '', /^GCC: /);
    t.deepEqual(lab['c/without-sections'].comment(), []);
  }
});
