import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadProgram } from '../../cli/kept-code.ts';

const program = (answer: string): string => `exports.answer = () => '${answer}'; exports.other = () => 'other';`;

function answerOf(exports: unknown): string {
  return (exports as { answer(): string }).answer();
}

function place(): { readonly directory: string; readonly file: string; readonly kept: string } {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-kept-code-'));
  const file = join(directory, 'program.cjs');
  writeFileSync(file, program('first'));
  return { directory, file, kept: join(directory, 'kept') };
}

/** The first line of what is kept. */
function usesIn(kept: string): readonly string[] {
  return JSON.parse(readFileSync(kept, 'latin1').split('\n', 1)[0] ?? '').uses;
}

test('code is kept after the first two runs of each use, and what is kept runs', (t) => {
  const { directory, file, kept } = place();
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const [use, uses] of [
    ['check file', 1],
    ['check file', 2],
    ['check file', 2],
    ['check image', 3],
  ] as const) {
    const loaded = loadProgram(file, kept, use);
    t.is(answerOf(loaded.exports), 'first');
    loaded.keep();
    t.is(usesIn(kept).length, uses);
  }
  t.deepEqual(readdirSync(directory).sort(), ['kept', 'program.cjs'], 'nothing unfinished is left');
});

test('code of another program is not used, although both are as long', (t) => {
  const { directory, file, kept } = place();
  t.teardown(() => rmSync(directory, { recursive: true }));
  const before = loadProgram(file, kept, 'check file');
  answerOf(before.exports);
  before.keep();
  writeFileSync(file, program('other'));
  const after = loadProgram(file, kept, 'check directory');
  t.is(answerOf(after.exports), 'other');
  after.keep();
  t.is(usesIn(kept).length, 1, 'what was kept of the other program is gone');
});

test('damaged code is not used', (t) => {
  const { directory, file, kept } = place();
  t.teardown(() => rmSync(directory, { recursive: true }));
  const first = loadProgram(file, kept, 'check file');
  answerOf(first.exports);
  first.keep();
  const whole = readFileSync(kept);
  const flipped = Buffer.from(whole);
  flipped[whole.length - 100] = ~(whole[whole.length - 100] ?? 0);
  for (const damaged of [flipped, whole.subarray(0, -1), whole.subarray(0, 10), Buffer.alloc(0), Buffer.alloc(1_000)]) {
    writeFileSync(kept, damaged);
    const loaded = loadProgram(file, kept, 'check file');
    t.is(answerOf(loaded.exports), 'first');
    loaded.keep();
    t.is(usesIn(kept).length, 1, 'what was damaged is kept anew');
  }
});

test('a place that cannot be written costs nothing but time', (t) => {
  const { directory, file } = place();
  t.teardown(() => rmSync(directory, { recursive: true }));
  const loaded = loadProgram(file, join(directory, 'absent', 'kept'), 'check file');
  t.notThrows(() => loaded.keep());
  t.is(answerOf(loaded.exports), 'first');
});
