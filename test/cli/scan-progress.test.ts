import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import test from 'ava';
import { scanProgress } from '../../cli/scan-progress.ts';
import { emptySummary } from '../../src/scan/scan-summary.ts';

/** A standard error that keeps what is written to it. */
function standardError(isTTY: boolean) {
  const written: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  const stderr = Object.assign(stream, { isTTY, columns: 100, rows: 40 }) as unknown as NodeJS.WriteStream;
  const surroundings = { env: {}, stdin: process.stdin, stdout: process.stdout, stderr, cwd: () => '/' };
  return { surroundings, text: () => written.splice(0).join('') };
}

const options = { output: 'text', color: 'never', progress: true } as const;

test('on a terminal a scan shows what is under way, and leaves nothing of it behind', async (t) => {
  const { surroundings, text } = standardError(true);
  let now = 0;
  const progress = scanProgress(options, surroundings, () => now);
  t.teardown(progress.close);
  for (let image = 0; image < 8; image++) {
    progress.begin(`host/app:${image}\u{1b}[2J`);
  }
  progress.end('host/app:0\u{1b}[2J');
  now = 10_000;
  progress.done({ ...emptySummary, images: 30, cached: 4, withFindings: 2, failed: 1 });
  await sleep(1000);
  const shown = text();
  t.false(shown.includes('\u{1b}[2J'), 'names cannot clear the terminal');
  t.regex(
    stripVTControlCharacters(shown),
    /scanned 30 images in 10 s, 3 a second, 4 known before, 2 with findings, 1 undecided\n {2}› host\/app:1.* \(10 s\)\n.*host\/app:2.*\n[\s\S]*and 1 more/,
  );
  t.true(shown.startsWith('\u{1b}[?25l'), 'the cursor is hidden');
  await progress.clear();
  const cleared = text();
  t.true(cleared.includes('\u{1b}[?25h'), 'and comes back');
  await sleep(500);
  t.regex(text(), /scanned 30 images/, 'the display comes back by itself');
  await progress.close();
  text();
  await sleep(300);
  t.is(text(), '');
});

test('elsewhere a scan says a line now and then, and nothing when it is to be quiet', async (t) => {
  const { surroundings, text } = standardError(false);
  let now = 0;
  const progress = scanProgress(options, surroundings, () => now);
  progress.done({ ...emptySummary, images: 1 });
  t.is(text(), '');
  now = 10_000;
  progress.done({ ...emptySummary, images: 2 });
  progress.done({ ...emptySummary, images: 3 });
  t.is(text(), 'scanned 2 images in 10 s\n');
  await progress.close();
  const quiet = scanProgress({ ...options, quiet: true }, surroundings, () => now);
  now = 100_000;
  quiet.done(emptySummary);
  t.is(text(), '');
});
