import test from 'ava';
import { didYouMean } from '../../../src/policy/configuration/did-you-mean.ts';

const rules = ['libc/static-nss', 'libc/vsyscall', 'plugin/go-version-match'];

test('a slip of a few letters finds the rule that was meant', (t) => {
  t.is(didYouMean('libc/static-ns', rules), 'libc/static-nss');
  t.is(didYouMean('plugin/go-verison-match', rules), 'plugin/go-version-match');
  t.is(didYouMean('LIBC/vsyscall', rules), 'libc/vsyscall');
});

test('a forgotten family finds the rule', (t) => {
  t.is(didYouMean('vsyscall', rules), 'libc/vsyscall');
});

test('another word finds nothing', (t) => {
  t.is(didYouMean('trust/signed', rules), null);
  t.is(didYouMean('', rules), null);
});
