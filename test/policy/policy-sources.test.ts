import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { readPolicySources } from '../../src/policy/policy-sources.ts';
import { directoryOf } from './scratch.ts';

test('policies and tests are told apart, in the order of their paths', (t) => {
  const directory = directoryOf({
    'b/x/x.rego': 'package x',
    'b/x/x_test.rego': 'package x_test',
    'a.rego': 'package a',
    'notes.md': '# notes',
  });
  const sources = readPolicySources([directory]);
  t.deepEqual(Object.entries(sources.policies), [
    ['a.rego', 'package a'],
    ['b/x/x.rego', 'package x'],
  ]);
  t.deepEqual(sources.tests, { 'b/x/x_test.rego': 'package x_test' });
  t.deepEqual(readPolicySources([directory], { tests: false }).tests, {});
  t.is(sources.locations.get('b/x/x.rego'), join(directory, 'b/x/x.rego'));
});

test('own rules add to the shipped ones, and cannot replace one', (t) => {
  const shipped = directoryOf({ 'main.rego': 'package elfgate', 'f/a/a.rego': 'package a' });
  t.deepEqual(Object.keys(readPolicySources([shipped, directoryOf({ 'f/b/b.rego': 'package b' })]).policies), [
    'f/a/a.rego',
    'f/b/b.rego',
    'main.rego',
  ]);
  t.throws(() => readPolicySources([shipped, directoryOf({ 'f/a/a.rego': 'package other' })]), {
    instanceOf: ElfgateError,
    code: 'policy',
    message: /are both f\/a\/a\.rego of the policies$/,
  });
});

test('a mounted ConfigMap is read once, through its links', (t) => {
  const directory = directoryOf({ '..2026_11_21/a.rego': 'package a' });
  symlinkSync('..2026_11_21', join(directory, '..data'));
  symlinkSync('..data/a.rego', join(directory, 'a.rego'));
  t.deepEqual(readPolicySources([directory]).policies, { 'a.rego': 'package a' });
});

test('directories that lead back into themselves end', (t) => {
  const directory = directoryOf({ 'a.rego': 'package a' });
  mkdirSync(join(directory, 'f'));
  symlinkSync('..', join(directory, 'f/loop'));
  t.throws(() => readPolicySources([directory]), { instanceOf: ElfgateError, code: 'limit' });
});

test('what cannot be read or is no text is an error with its path', (t) => {
  t.throws(() => readPolicySources(['/nonexistent']), {
    instanceOf: ElfgateError,
    code: 'unreadable',
    message: '/nonexistent: cannot be read (ENOENT)',
  });
  const directory = directoryOf({});
  writeFileSync(join(directory, 'a.rego'), Buffer.from([0xff, 0xfe]));
  t.throws(() => readPolicySources([directory]), {
    instanceOf: ElfgateError,
    code: 'policy',
    message: /is not UTF-8 text$/,
  });
});
