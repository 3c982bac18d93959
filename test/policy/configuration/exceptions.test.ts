import test from 'ava';
import {
  type Exception,
  exceptionFor,
  isCalendarDay,
  matchesPattern,
} from '../../../src/policy/configuration/exceptions.ts';

const exception: Exception = {
  rule: 'libc/static-nss',
  target: 'registry.example.com/legacy/*',
  path: null,
  reason: 'moves in March',
  owner: 'team-a',
  expires: '2027-01-31',
};
const finding = { rule: 'libc/static-nss', path: 'usr/bin/app' };
const target = 'registry.example.com/legacy/app:1.0';
const day = (text: string) => new Date(`${text}Z`);

test('an exception covers its rule and targets', (t) => {
  t.is(exceptionFor(finding, target, [exception], day('2026-11-21T09:00:00')), exception);
  t.is(exceptionFor({ ...finding, rule: 'libc/vsyscall' }, target, [exception], day('2026-11-21T09:00:00')), null);
  t.is(exceptionFor(finding, 'registry.example.com/new/app:1.0', [exception], day('2026-11-21T09:00:00')), null);
});

test('an exception holds until the end of its last day in UTC', (t) => {
  t.is(exceptionFor(finding, target, [exception], day('2027-01-31T23:59:59')), exception);
  t.is(exceptionFor(finding, target, [exception], day('2027-02-01T00:00:00')), null);
});

test('an exception for a path covers that path only', (t) => {
  const narrow = { ...exception, path: 'usr/bin/*' };
  t.is(exceptionFor(finding, target, [narrow], day('2026-11-21T09:00:00')), narrow);
  t.is(exceptionFor({ ...finding, path: 'opt/app' }, target, [narrow], day('2026-11-21T09:00:00')), null);
});

test('of several exceptions the one that holds longest counts', (t) => {
  const longer = { ...exception, expires: '2028-01-31' };
  t.is(exceptionFor(finding, target, [exception, longer], day('2026-11-21T09:00:00')), longer);
});

test('one star stops at a slash, two do not', (t) => {
  t.true(matchesPattern('a/*', 'a/b'));
  t.true(matchesPattern('a/*', 'a/'));
  t.false(matchesPattern('a/*', 'a/b/c'));
  t.true(matchesPattern('a/**', 'a/b/c'));
  t.true(matchesPattern('**', ''));
  t.true(matchesPattern('*/legacy-*/app*', 'r.io/legacy-1/app:v1'));
  t.false(matchesPattern('a', 'ab'));
  t.false(matchesPattern('b', 'ab'));
  t.false(matchesPattern('', 'a'));
  t.true(matchesPattern('', ''));
});

test('nothing but the star has a meaning of its own', (t) => {
  t.true(matchesPattern('a.b+c[d]?(e)', 'a.b+c[d]?(e)'));
  t.false(matchesPattern('a.b', 'axb'));
});

test('a pattern made to take long does not', (t) => {
  const started = performance.now();
  t.false(matchesPattern(`${'*a'.repeat(50)}b`, 'a'.repeat(2_000)));
  t.true(performance.now() - started < 2_000);
});

test('days of the calendar are told from others', (t) => {
  t.true(isCalendarDay('2028-02-29'));
  t.false(isCalendarDay('2027-02-29'));
  t.false(isCalendarDay('2027-13-01'));
});
