import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { rulePages } from '../../docs/rule-pages.ts';
import { ruleCases } from '../policies/rule-cases.ts';
import { opaOptions } from '../policy/scratch.ts';

const root = join(import.meta.dirname, '..', '..');

test('docs/rules is what the METADATA and the recorded examples of the rules say: npm run docs writes it', async (t) => {
  t.timeout(180_000);
  const pages = await rulePages(join(root, 'policies'), (rule) => ruleCases[rule]?.violating.parameters, opaOptions);
  const directory = join(root, 'docs', 'rules');
  const written = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'));
  t.deepEqual(written.sort(), [...pages.keys()].sort());
  for (const [path, text] of pages) {
    t.is(readFileSync(join(directory, path), 'utf8'), text, `${path} differs: npm run docs`);
  }
});
