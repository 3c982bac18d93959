import test from 'ava';
import { allPrintable, printable } from '../../src/findings/printable.ts';
import { renderText } from '../../src/findings/text.ts';

test('a name that would recolour or rename the terminal is shown and not obeyed', (t) => {
  t.is(printable('lib\x1b[2J\x1b]0;owned\x07.so'), 'lib\\u001b[2J\\u001b]0;owned\\u0007.so');
  t.is(printable('a\nb\r\u009b31m'), 'a\\u000ab\\u000d\\u009b31m');
  t.is(printable('abc\u202etxt.exe'), 'abc\\u202etxt.exe');
});

test('names of any language stay as they are', (t) => {
  t.is(printable('Überraschung 插件 🙂'), 'Überraschung 插件 🙂');
});

test('everything inside a value is covered, keys among it', (t) => {
  t.deepEqual(allPrintable({ 'a\x1b': ['\x07', 1, null, { b: '\x7f' }] }), {
    'a\\u001b': ['\\u0007', 1, null, { b: '\\u007f' }],
  });
});

test('a report without colour holds no control character, whatever the files are called', (t) => {
  const text = renderText(
    {
      targets: ['x\x1b[31m'],
      findings: [
        {
          rule: 'libc/minimum',
          severity: 'error',
          subject: { target: 'x\x1b[31m', path: 'y\x1b[31m', layer: null },
          message: 'needs \x1b[31m',
          evidence: [{ at: '\x1b[A', label: '\x07', value: '\r' }],
          notes: ['\x1b'],
          help: '\x1b',
          docs: '',
          exception: null,
        },
      ],
      summary: { targets: 1, binaries: 1, error: 1, warning: 0, info: 0, undecided: 0, excepted: 0 },
      problems: [],
    },
    { color: false, columns: 40 },
  );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  t.notRegex(text, /[\x00-\x09\x0b-\x1f\x7f]/);
});
