import { readFileSync } from 'node:fs';
import test from 'ava';
import { builtInPage, builtInTable } from '../conformance/built-in-table.ts';

test('the table of built-ins in the docs is what OPA lists and elfgate offers', (t) => {
  t.is(readFileSync(builtInPage, 'utf8'), builtInTable(process.env), 'npm run docs:built-ins');
});
