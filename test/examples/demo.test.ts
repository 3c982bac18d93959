import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { artifact } from '../lab/lab.ts';

const checkout = join(import.meta.dirname, '..', '..');

// The first run on a machine downloads toolchains and builds everything.
const firstRun = 20 * 60 * 1000;

/** A script of the checkout, run as npm would. */
function runScript(script: string, args: readonly string[], directory = checkout) {
  // The test runner sets FORCE_COLOR; Node complains where both are set.
  const { FORCE_COLOR: _, ...environment } = process.env;
  return spawnSync(process.execPath, [join(checkout, script), ...args], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...environment, NO_COLOR: '1' },
    timeout: firstRun,
  });
}

/** A directory without files. */
function emptyDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-examples-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('every verdict of the demo agrees with what happens', async (t) => {
  t.timeout(firstRun);
  const compiler = await artifact('c/vsyscall');
  if (!compiler.available) {
    t.log(`skipped: ${compiler.reason}`);
    return t.pass();
  }
  const demo = runScript('examples/demo.ts', []);
  t.is(demo.status, 0, demo.stdout.slice(-4000) + demo.stderr.slice(-2000));
  const table = demo.stdout.slice(demo.stdout.lastIndexOf('what really happened')).split('\n');
  const rows = table.filter((line) => /^ ?[0-9]+ {2}/.test(line));
  t.is(rows.length, 11);
  for (const row of rows) {
    t.regex(row, / (✓|cannot run here +–|not run +–)$/);
  }
  t.regex(demo.stdout, /^every verdict agreed with reality \(\d+ of \d+\)/m);
});

test('the annotated configuration is valid', (t) => {
  const configuration = join(checkout, 'examples', 'elfgate.yaml');
  const check = runScript('cli/main.ts', ['check', '--quiet', '--config', configuration, emptyDirectory(t)]);
  t.is(check.stderr, '');
  t.is(check.status, 0);
});

test('the annotated configuration enforces rules as its comments say', (t) => {
  const configuration = join(checkout, 'examples', 'elfgate.yaml');
  const list = runScript('cli/main.ts', ['policy', 'list', '--config', configuration, '-o', 'json'], emptyDirectory(t));
  const rules: readonly { id: string; enforce: string }[] = JSON.parse(list.stdout).rules;
  const enforced = new Map(rules.map(({ id, enforce }) => [id, enforce]));
  t.is(enforced.get('libc/static-nss'), 'warn');
  t.is(enforced.get('linkage/hardening'), 'off');
  t.is(enforced.get('plugin/go-version-match'), 'deny');
});

test('the rule of the examples compiles and its tests pass', (t) => {
  const policies = join(checkout, 'examples', 'policies');
  const tests = runScript('cli/main.ts', ['policy', 'test', policies, '-o', 'json'], emptyDirectory(t));
  t.is(tests.stderr, '');
  t.is(tests.status, 0);
  const names: readonly string[] = JSON.parse(tests.stdout).tests.map(({ name }: { name: string }) => name);
  t.true(names.includes('test_an_old_toolchain_is_not_approved'));
});
