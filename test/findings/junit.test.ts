import test from 'ava';
import { renderJunit } from '../../src/findings/junit.ts';
import { readMarkup } from './read-markup.ts';
import { context, hostileSample, sample } from './sample-report.ts';

test('every target is a suite; findings fail, pass or are skipped by what they mean for the run; silent rules pass', (t) => {
  t.is(
    renderJunit(sample, context),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="elfgate" tests="10" failures="1" errors="1" skipped="2">
  <testsuite name="plugins/audit.so" tests="4" failures="1" errors="0" skipped="1">
    <testcase classname="libc/minimum" name="plugins/audit.so">
      <skipped message="cannot tell because nothing says which glibc is there">info[libc/minimum]: cannot tell because nothing says which glibc is there
more: elfgate explain libc/minimum</skipped>
    </testcase>
    <testcase classname="plugin/go-version-match" name="plugins/audit.so">
      <failure message="plugin and host were built by different Go toolchains; plugin.Open will kill the host">error[plugin/go-version-match]: plugin and host were built by different Go toolchains; plugin.Open will kill the host
plugin: go1.25.5 (.go.buildinfo+0x10)
host: go1.26.8 (bin/gateway .go.buildinfo+0x10)
outcome: fatal error
fix: GOTOOLCHAIN=go1.26.8 go build -buildmode=plugin …
more: elfgate explain plugin/go-version-match</failure>
    </testcase>
    <testcase classname="visibility/symbolic" name="an object does not bind to itself first"/>
    <testcase classname="visibility/unique" name="a plugin can be unloaded"/>
  </testsuite>
  <testsuite name="registry.example.com/gateway" tests="6" failures="0" errors="1" skipped="1">
    <testcase classname="visibility/symbolic" name="usr/lib/a b.so">
      <system-out>warning[visibility/symbolic]: binds to itself first
more: elfgate explain visibility/symbolic</system-out>
    </testcase>
    <testcase classname="visibility/symbolic" name="usr/lib/known.so">
      <skipped message="is known">error[visibility/symbolic]: is known
excepted until 2027-01-31 by platform: replaced next week
more: elfgate explain visibility/symbolic</skipped>
    </testcase>
    <testcase classname="libc/minimum" name="the C library is new enough"/>
    <testcase classname="plugin/go-version-match" name="plugin and host are built by the same Go toolchain"/>
    <testcase classname="visibility/unique" name="a plugin can be unloaded"/>
    <testcase classname="elfgate" name="usr/lib/cut.so">
      <error message="malformed: offset 0x40: ends too soon">offset 0x40: ends too soon</error>
    </testcase>
  </testsuite>
</testsuites>
`,
  );
});

test('--fail-on decides what is a failure', (t) => {
  const failures = (failOn: 'error' | 'warning' | 'never') =>
    /failures="(\d+)"/.exec(renderJunit(sample, { ...context, failOn }))?.[1];
  t.deepEqual([failures('error'), failures('warning'), failures('never')], ['1', '2', '0']);
});

test('hostile names stay text', (t) => {
  const elements = readMarkup(renderJunit(hostileSample, context));
  t.deepEqual([...new Set(elements)].sort(), [
    'error',
    'failure',
    'skipped',
    'system-out',
    'testcase',
    'testsuite',
    'testsuites',
  ]);
});
