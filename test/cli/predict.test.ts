import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { OpenPrediction } from '../../src/loader/plugin-open/prediction.ts';
import { artifacts } from '../lab/lab.ts';
import { emptyDirectory, runCli } from './run-cli.ts';

test('exit code 0 and one result when the plugin loads', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const [host, plugin] = [lab.path['go/host'], lab.path['go/plugin']];
  const run = await runCli(['predict', host, plugin, '-o', 'json']);
  t.is(run.exitCode, 0, run.stderr);
  t.deepEqual(JSON.parse(run.stdout), {
    host,
    loader: 'plugin.Open',
    results: [
      { plugin, outcome: 'loads', reason: 'compatible', message: null, recoverable: true, evidence: [], help: null },
    ],
  });
});

test('exit code 1 when one of them does not load, and the text says which and why', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin', 'go/plugin-copy']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const run = await runCli(['predict', lab.path['go/host'], lab.path['go/plugin'], lab.path['go/plugin-copy']]);
  t.is(run.exitCode, 1, run.stderr);
  t.regex(run.stdout, /^1\. loads {2}\S+greeter\.so$/m);
  t.regex(run.stdout, /^2\. fails {2}\S+greeter-copy\.so$/m);
  t.true(run.stdout.includes('prints: plugin already loaded\n'));
});

test('a plugin that is a text file is an outcome', async (t) => {
  const lab = await artifacts(['go/host']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const plugin = join(emptyDirectory(), 'text.so');
  writeFileSync(plugin, 'no plugin at all\n'.repeat(10));
  const run = await runCli(['predict', lab.path['go/host'], plugin, `${plugin}.missing`, '-o', 'json']);
  t.is(run.exitCode, 1, run.stderr);
  const { results } = JSON.parse(run.stdout);
  t.like(results[0], { outcome: 'fails', reason: 'not-elf', message: `${plugin}: invalid ELF header` });
  t.like(results[1], { outcome: 'fails', reason: 'file-not-found', message: 'realpath failed' });
});

test('exit code 2 for a host that is missing, a text file or no program', async (t) => {
  const lab = await artifacts(['go/plugin']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const plugin = lab.path['go/plugin'];
  const text = join(emptyDirectory(), 'host');
  writeFileSync(text, '#!/bin/sh\n'.repeat(20));
  for (const host of [text, `${text}.missing`, plugin]) {
    const run = await runCli(['predict', host, plugin]);
    t.is(run.exitCode, 2, host);
    t.is(run.stdout, '');
    t.true(run.stderr.startsWith('cannot decide['), run.stderr);
  }
  t.is((await runCli(['predict', plugin])).exitCode, 2);
  t.is((await runCli(['predict', '--root', `${text}.missing`, plugin, plugin])).exitCode, 2);
});

test('exit code 2 for a plugin whose bytes contradict each other: it is named, and never said to load', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const [host, plugin] = [lab.path['go/host'], lab.path['go/plugin']];
  const cut = join(emptyDirectory(), 'cut.so');
  writeFileSync(cut, readFileSync(plugin).subarray(0, 200_000));
  const run = await runCli(['predict', host, cut, plugin, '-o', 'json']);
  t.is(run.exitCode, 2);
  t.true(run.stderr.startsWith(`cannot decide[malformed]: ${cut}: file+0x`), run.stderr);
  t.deepEqual(
    JSON.parse(run.stdout).results.map(({ outcome, reason }: OpenPrediction) => ({ outcome, reason })),
    [
      { outcome: 'fails', reason: 'malformed' },
      { outcome: 'fails', reason: 'unknown-predecessor' },
    ],
  );
});

test('--mode dlopen tells scope, binding, the text of dlerror() and who would define the symbol', async (t) => {
  const lab = await artifacts(['c/dlopen-host', 'c/provider', 'c/needy']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const [host, provider, needy] = [lab.path['c/dlopen-host'], lab.path['c/provider'], lab.path['c/needy']];
  const local = await runCli(['predict', '--mode', 'dlopen', host, provider, needy, '-o', 'json']);
  t.is(local.exitCode, 1, local.stderr);
  const opened = {
    plugin: provider,
    outcome: 'loads',
    reason: 'compatible',
    message: null,
    recoverable: true,
    evidence: [],
    help: null,
    unboundCalls: { count: 0, symbols: [] },
    initialisers: [],
  };
  t.deepEqual(JSON.parse(local.stdout), {
    host,
    loader: 'dlopen',
    scope: 'local',
    binding: 'now',
    results: [
      opened,
      {
        plugin: needy,
        outcome: 'fails',
        reason: 'undefined-symbol',
        message: `${needy}: undefined symbol: provider_fn`,
        recoverable: true,
        evidence: [
          { path: needy, at: '.dynsym', label: 'needs', value: 'provider_fn' },
          { path: provider, at: '.dynsym', label: 'defines it, opened with RTLD_LOCAL', value: 'provider_fn' },
        ],
        help: `open ${provider} with RTLD_GLOBAL, or link ${needy} against it`,
        unboundCalls: { count: 0, symbols: [] },
        initialisers: [],
      },
    ],
  });
  const global = await runCli(['predict', '--mode', 'dlopen', '--scope', 'global', host, provider, needy]);
  t.is(global.exitCode, 0, global.stderr);
  t.regex(global.stdout, /calls dlopen with RTLD_NOW \| RTLD_GLOBAL:/);
});

test('options of dlopen without --mode dlopen are bad usage', async (t) => {
  const run = await runCli(['predict', '/bin/sh', '/bin/ls', '--scope', 'global']);
  t.is(run.exitCode, 2);
  t.regex(run.stderr, /cannot decide\[usage\]: --scope is for dlopen/);
});
