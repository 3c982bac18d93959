import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../cli/directories.js';
import { ruleCases } from '../test/policies/rule-cases.ts';
import { rulePages } from './rule-pages.ts';

/** Writes docs/rules anew: `npm run docs`. */
const directory = join(import.meta.dirname, 'rules');
const pages = await rulePages(
  join(import.meta.dirname, '..', 'policies'),
  (rule) => ruleCases[rule]?.violating.parameters,
  { cacheDirectory: cacheDirectory(process.env), environment: process.env },
);
rmSync(directory, { recursive: true, force: true });
for (const [path, text] of pages) {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}
process.stdout.write(`${pages.size} pages\n`);
