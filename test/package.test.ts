import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { artifacts } from './lab/lab.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

test('the packed package checks a binary in an empty directory, without Go and without a compiler', async (t) => {
  t.timeout(900_000, 'packing builds the Rego compiler on the first run');
  const lab = await artifacts(['c/runpath-world-writable']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const place = mkdtempSync(join(tmpdir(), 'elfgate-package-'));
  await run('npm', ['pack', '--silent', '--pack-destination', place], { cwd: root, maxBuffer: 1 << 26 });
  const tarball = readdirSync(place).find((name) => name.endsWith('.tgz')) ?? '';
  const user = join(place, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{ "private": true }\n');
  await run('npm', ['install', '--silent', '--no-audit', '--no-fund', join(place, tarball)], { cwd: user });

  // A PATH that holds Node and nothing else.
  const bin = join(place, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  const env = { PATH: bin, HOME: user, XDG_CACHE_HOME: join(place, 'cache') };
  const elfgate = join(user, 'node_modules', 'elfgate', 'dist', 'cli', 'main.cjs');
  const call = async (...args: string[]) => {
    try {
      return { exitCode: 0, ...(await run(process.execPath, [elfgate, ...args], { cwd: user, env })) };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { exitCode: code, stdout, stderr };
    }
  };

  const checked = await call('check', lab.path['c/runpath-world-writable'], '-o', 'json');
  t.is(checked.exitCode, 1, checked.stderr);
  t.true(JSON.parse(checked.stdout).findings.some(({ rule }: { rule: string }) => rule === 'linkage/search-path'));
  const version = await call('--version');
  t.is(version.exitCode, 0, version.stderr);
  t.regex(version.stdout, /^\d+\.\d+\.\d+\n$/);

  // Own rules need the Rego compiler, which the package brings.
  mkdirSync(join(user, 'rules', 'own', 'rule'), { recursive: true });
  writeFileSync(
    join(user, 'rules', 'own', 'rule', 'rule.rego'),
    'package elfgate.rules.own.rule\n\nfindings contains x if x := nope(1)\n',
  );
  const own = await call('policy', 'check', join(user, 'rules'));
  t.is(own.exitCode, 1, own.stderr);
  t.regex(own.stdout, /undefined function nope/);
  const explained = await call('policy', 'explain', 'plugin/exports');
  t.is(explained.exitCode, 0, explained.stderr);
  mkdirSync(join(user, 'nothing'));
  const formatted = await call('policy', 'fmt', join(user, 'nothing'));
  t.is(formatted.exitCode, 0, formatted.stderr);
});
