import test from 'ava';
import { renderHtml } from '../../src/findings/html.ts';
import { context, hostileSample, sample } from './sample-report.ts';

test('one page tells the verdict, every finding with its evidence and fix, and what could not be read', (t) => {
  const page = renderHtml(sample, context);
  t.true(page.startsWith('<!doctype html>\n<html lang="en">'));
  t.regex(page, /<h1>could not decide about 1 file<\/h1>/);
  t.regex(page, /4 binaries in 2 targets/);
  t.regex(
    page,
    /<td>host<\/td><td><code>go1\.26\.8<\/code><\/td><td><code>\.go\.buildinfo\+0x10<\/code> <span class="file">bin {2}gateway<\/span>/,
  );
  t.regex(page, /<span>fix<\/span><code>GOTOOLCHAIN=go1\.26\.8 go build -buildmode=plugin …<\/code>/);
  t.regex(page, /excepted until <time>2027-01-31<\/time> by platform: replaced next week/);
  t.regex(page, /usr\/lib\/cut\.so<\/code> <span class="badge">malformed<\/span>/);
  t.deepEqual(
    [...page.matchAll(/<article class="(\w+)">/g)].map(([, state]) => state),
    ['error', 'undecided', 'warning', 'excepted'],
  );
});

test('a target without findings says so', (t) => {
  const clean = { ...sample, findings: [], problems: [], summary: { ...sample.summary, error: 0, warning: 0 } };
  t.regex(renderHtml(clean, context), /<h1>nothing wrong found<\/h1>/);
});

test('the page fetches nothing and runs nothing', (t) => {
  const page = renderHtml(sample, context);
  t.regex(page, /default-src 'none'/);
  t.notRegex(page, /<script|<link|<img|<iframe|\bsrc=|url\(|@import/);
});

test('hostile names stay text', (t) => {
  const page = renderHtml(hostileSample, context);
  t.false(['<script', '\u202e', '\u001b'].some((part) => page.includes(part)));
  t.regex(page, /&lt;\/td&gt;&lt;script&gt;alert\(&quot;1&quot;\)/);
  t.deepEqual(elementsOf(page), elementsOf(renderHtml(sample, context)));
});

/** The kinds of elements of a page. */
function elementsOf(page: string): readonly string[] {
  return [...new Set([...page.matchAll(/<([a-z0-9]+)/g)].map(([, name = '']) => name))].sort();
}
