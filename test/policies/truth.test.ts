import test, { type ExecutionContext } from 'ava';
import type { Finding } from '../../src/findings/finding.ts';
import { type ArtifactName, artifacts } from '../lab/lab.ts';
import { mayChangeRoot, openAll, run, runInRoot } from '../lab/run.ts';
import { factsOfCase, findingsOfRule } from './judge-case.ts';
import type { RuleCase } from './rule-cases.ts';

// What a rule says of real binaries, next to what those binaries do when they are run.

async function verdict(
  t: ExecutionContext,
  rule: string,
  targets: RuleCase['targets'],
  parameters: Readonly<Record<string, unknown>> = {},
): Promise<readonly Finding[] | null> {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const facts = await factsOfCase({ targets });
  if (!facts.available) {
    t.log(`not run: ${facts.reason}`);
    t.pass();
    return null;
  }
  return findingsOfRule(rule, facts.documents, parameters);
}

async function paths<Name extends ArtifactName>(...names: Name[]): Promise<Readonly<Record<Name, string>>> {
  const lab = await artifacts(names);
  if (!lab.available) {
    throw new Error(lab.reason);
  }
  return lab.path;
}

for (const [host, outcome, ending] of [
  ['go/host-without-cgo', 'plugin: not implemented', 'exits'],
  ['go/host-static', 'fatal error: runtime: no plugin module data', 'crashes'],
] as const) {
  test(`${host}: what host-can-load says is what plugin.Open does`, async (t) => {
    const targets = [
      { artifact: host, role: 'host' },
      { artifact: 'go/plugin', role: 'plugin' },
    ] as const;
    const findings = await verdict(t, 'plugin/host-can-load', targets);
    if (findings === null) {
      return;
    }
    const [finding] = findings;
    t.is(finding?.severity, 'error');
    t.true([finding?.message, ...(finding?.notes ?? [])].join('\n').includes(outcome));
    const real = await paths(host, 'go/plugin');
    const { openings, stderr, ending: ended } = await openAll(real[host], [real['go/plugin']]);
    t.is(ended, ending);
    t.true(`${openings[0]?.message ?? ''}${stderr}`.includes(outcome));
  });
}

test('a plugin linked with -Bsymbolic kills its host, as visibility/symbolic says', async (t) => {
  const findings = await verdict(t, 'visibility/symbolic', [{ artifact: 'go/plugin-bsymbolic', role: 'plugin' }]);
  if (findings === null) {
    return;
  }
  t.is(findings[0]?.severity, 'error');
  const real = await paths('go/host', 'go/plugin-bsymbolic');
  t.is((await openAll(real['go/host'], [real['go/plugin-bsymbolic']])).ending, 'crashes');
});

test('a library that does not need its provider loads only after it and with RTLD_GLOBAL', async (t) => {
  const set = [{ artifact: 'c/provider' }, { artifact: 'c/needy' }] as const;
  const unknown = await verdict(t, 'linkage/rtld-global', set);
  const local = await verdict(t, 'linkage/rtld-global', set, { mode: 'local' });
  const global = await verdict(t, 'linkage/rtld-global', set, { mode: 'global' });
  if (unknown === null) {
    return;
  }
  t.is(unknown[0]?.severity, 'warning');
  t.is(local?.[0]?.severity, 'error');
  t.deepEqual(global, []);
  const real = await paths('c/dlopen-host', 'c/provider', 'c/needy', 'c/provider-global');
  const open = async (provider: string, flag: string) => {
    const { openings } = await openAll(real['c/dlopen-host'], [provider, real['c/needy']], { flags: [flag, '--now'] });
    return openings.map(({ outcome }) => outcome);
  };
  t.deepEqual(await open(real['c/provider'], '--local'), ['loads', 'fails']);
  t.deepEqual(await open(real['c/provider'], '--global'), ['loads', 'loads']);
  t.deepEqual(
    await open(real['c/provider-global'], '--local'),
    ['loads', 'fails'],
    '-z global grants nothing on glibc',
  );
});

test('a provider linked with -z global is no excuse: the finding stays', async (t) => {
  const findings = await verdict(t, 'linkage/rtld-global', [
    { artifact: 'c/provider-global' },
    { artifact: 'c/needy' },
  ]);
  if (findings !== null) {
    t.is(findings[0]?.severity, 'warning');
  }
});

test('a function of the first plugin is called by the second, as visibility/no-interposition says', async (t) => {
  const findings = await verdict(t, 'visibility/no-interposition', [
    { artifact: 'go/host', role: 'host' },
    { artifact: 'go/plugin-hello-first', role: 'plugin' },
    { artifact: 'go/plugin-hello-second', role: 'plugin' },
  ]);
  if (findings === null) {
    return;
  }
  const real = await paths('go/host', 'go/plugin-hello-first', 'go/plugin-hello-second');
  const [first, second] = [real['go/plugin-hello-first'], real['go/plugin-hello-second']];
  t.deepEqual(
    findings.map(({ severity, subject, message }) => ({ severity, path: subject.path, message })),
    [
      {
        severity: 'error',
        path: second,
        message: `its hello_impl is that of ${first} once both are in one scope; what it calls is the other object's`,
      },
    ],
  );
  const greeted = async (...plugins: string[]) =>
    (await openAll(real['go/host'], plugins)).openings.map(({ symbols }) => symbols.Greet);
  t.deepEqual(await greeted(second), ['hello from the second plugin']);
  t.deepEqual(await greeted(first, second), ['hello from the first plugin', 'hello from the first plugin']);
});

test('a library gets a function of what was opened before, and not of what it needs, as visibility/no-interposition says', async (t) => {
  const findings = await verdict(t, 'visibility/no-interposition', [
    { artifact: 'c/other-provider' },
    { artifact: 'c/provider' },
    { artifact: 'c/needy-linked' },
  ]);
  if (findings === null) {
    return;
  }
  const real = await paths('c/dlopen-host', 'c/other-provider', 'c/provider', 'c/needy-linked');
  t.deepEqual(
    findings.map(({ severity, subject, message }) => ({ severity, path: subject.path, message })),
    [
      {
        severity: 'warning',
        path: real['c/needy-linked'],
        message: `its provider_fn is that of ${real['c/other-provider']} once all are in one scope, and not that of ${real['c/provider']}, which it needs`,
      },
    ],
  );
  const called = async (...options: string[]) => {
    const flags = ['--now', '--call', 'needy_fn', ...options];
    const { openings } = await openAll(real['c/dlopen-host'], [real['c/needy-linked']], { flags });
    return openings.at(-1)?.symbols.needy_fn;
  };
  t.is(await called(), '6');
  t.is(await called('--global', real['c/other-provider']), '101');
  t.is(await called('--local', real['c/other-provider']), '6', "what is local is in nobody else's scope");
});

test('a program whose loader is absent does not start in its root', async (t) => {
  const findings = await verdict(t, 'linkage/interpreter', [{ artifact: 'root/scratch-with-dynamic-program' }]);
  if (findings === null) {
    return;
  }
  t.is(findings[0]?.severity, 'error');
  if (!mayChangeRoot) {
    t.log('not run for real: changing the root needs the superuser');
    return;
  }
  const { 'root/scratch-with-dynamic-program': root } = await paths('root/scratch-with-dynamic-program');
  t.regex((await runInRoot(root, '/hello', [])).stderr, /No such file or directory/);
});

test('a static program dies of a module with thread-local storage, and the others in that root live', async (t) => {
  const findings = await verdict(t, 'libc/static-nss', [{ artifact: 'root/nss-module-with-tls' }]);
  if (findings === null) {
    return;
  }
  const condemned = findings.filter(({ severity }) => severity === 'error').map(({ subject }) => subject.path);
  t.deepEqual(condemned, ['usr/bin/go-resolver-static-cgo', 'usr/bin/resolver-static']);
  if (!mayChangeRoot) {
    t.log('not run for real: changing the root needs the superuser');
    return;
  }
  const { 'root/nss-module-with-tls': root } = await paths('root/nss-module-with-tls');
  for (const program of ['resolver', 'resolver-static', 'go-resolver-static-netgo', 'go-resolver-static-cgo']) {
    const { exitCode, signal } = await runInRoot(root, `/usr/bin/${program}`, ['example.invalid', 'root']);
    t.is(signal !== null || exitCode === 2, condemned.includes(`usr/bin/${program}`), program);
  }
});

test('a library that needs a newer glibc is refused by the loader', async (t) => {
  const findings = await verdict(t, 'libc/minimum', [{ artifact: 'c/needs-future-glibc' }], { glibc: '2.36' });
  if (findings === null) {
    return;
  }
  t.is(findings[0]?.severity, 'error');
  t.true(findings[0]?.message.includes('needs glibc 2.99'));
  const real = await paths('c/dlopen-host', 'c/needs-future-glibc');
  const { openings } = await openAll(real['c/dlopen-host'], [real['c/needs-future-glibc']], {
    flags: ['--local', '--now'],
  });
  t.is(openings[0]?.outcome, 'fails');
  t.regex(openings[0]?.message ?? '', /version `GLIBC_2\.99' not found/);
});

test('a program that calls the vsyscall page runs or dies as its node decides', async (t) => {
  const targets = [{ artifact: 'c/vsyscall' }] as const;
  const unknown = await verdict(t, 'libc/vsyscall', targets);
  if (unknown === null) {
    return;
  }
  t.is(unknown[0]?.severity, 'warning');
  t.is((await verdict(t, 'libc/vsyscall', targets, { mode: 'none' }))?.[0]?.severity, 'error');
  t.deepEqual(await verdict(t, 'libc/vsyscall', targets, { mode: 'emulate' }), []);
  const { 'c/vsyscall': program } = await paths('c/vsyscall');
  const { exitCode, signal } = await run(program);
  t.true(exitCode === 0 || signal === 'SIGSEGV');
  t.log(exitCode === 0 ? 'this node serves the vsyscall page' : 'this node is booted with vsyscall=none');
});

test('a function that its library hides cannot be bound, as visibility/linkname-hidden says', async (t) => {
  const set = [{ artifact: 'go/plugin-hidden-c-symbol' }, { artifact: 'c/my-api-hidden' }] as const;
  const findings = await verdict(t, 'visibility/linkname-hidden', set);
  if (findings === null) {
    return;
  }
  t.is(findings[0]?.severity, 'error');
  const real = await paths('go/host', 'go/plugin-hidden-c-symbol');
  const { openings } = await openAll(real['go/host'], [real['go/plugin-hidden-c-symbol']]);
  t.regex(openings[0]?.message ?? '', /undefined symbol: my_api_internal_count$/);
});

test('a library written in Go runs next to a Go program, and kills it as a plugin', async (t) => {
  const needed = await verdict(t, 'tracing/second-go-runtime', [
    { artifact: 'go/second-runtime' },
    { artifact: 'go/c-shared' },
  ]);
  const opened = await verdict(t, 'tracing/second-go-runtime', [
    { artifact: 'go/host', role: 'host' },
    { artifact: 'go/c-shared', role: 'plugin' },
  ]);
  if (needed === null || opened === null) {
    return;
  }
  t.deepEqual(
    [...needed, ...opened].map(({ severity }) => severity),
    ['warning', 'error'],
  );
  const real = await paths('go/host', 'go/second-runtime', 'go/c-shared');
  t.is((await run(real['go/second-runtime'])).stdout, '42\n');
  const { ending, stderr } = await openAll(real['go/host'], [real['go/c-shared']]);
  t.is(ending, 'crashes');
  t.true(opened[0]?.notes.includes(`outcome: ${/^fatal error: .*$/m.exec(stderr)?.[0]}`));
});
