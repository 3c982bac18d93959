import test from 'ava';
import { renderGithub } from '../../src/findings/github.ts';
import { context, hostileSample, sample } from './sample-report.ts';

test('each finding is an annotation, and what an exception covers is none', (t) => {
  t.deepEqual(renderGithub(sample, context).split('\n'), [
    '::notice file=plugins/audit.so,title=libc/minimum::cannot tell because nothing says which glibc is there%0Amore: elfgate explain libc/minimum',
    '::error file=plugins/audit.so,title=plugin/go-version-match::plugin and host were built by different Go toolchains; plugin.Open will kill the host%0Aplugin: go1.25.5 (.go.buildinfo+0x10)%0Ahost: go1.26.8 (bin/gateway .go.buildinfo+0x10)%0Aoutcome: fatal error%0Afix: GOTOOLCHAIN=go1.26.8 go build -buildmode=plugin …%0Amore: elfgate explain plugin/go-version-match',
    '::warning file=registry.example.com/gateway/usr/lib/a b.so,title=visibility/symbolic::binds to itself first%0Alayer 3%0Amore: elfgate explain visibility/symbolic',
    '::error file=registry.example.com/gateway/usr/lib/cut.so,title=cannot decide (malformed)::offset 0x40: ends too soon',
    '',
  ]);
});

test('hostile names cannot begin a command of their own, nor end a property', (t) => {
  const lines = renderGithub(hostileSample, context).trimEnd().split('\n');
  t.is(lines.length, 4);
  for (const line of lines) {
    t.regex(line, /^::(?:error|warning|notice) file=[^:,]*,title=[^:,]*::/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    t.notRegex(line, /[\x00-\x1f\u202e]/);
  }
});
