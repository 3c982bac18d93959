import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ArtifactName, artifactNames, artifacts, recipeOf } from './lab.ts';
import { mayChangeRoot, openAll, run, runInRoot } from './run.ts';
import { workshop } from './workshop.ts';

// The first build with a toolchain compiles its standard library.
const buildTimeout = 20 * 60 * 1000;
// Generous, because a machine that builds is slow; only the test that expects a hang waits for less.
const patience = 60 * 1000;
const hangPatience = 3000;

const noModuleData = /^fatal error: runtime: no plugin module data$/m;

function otherVersionOf(packageName: string): RegExp {
  return new RegExp(`: plugin was built with a different version of package ${packageName}$`);
}

/** Paths of the artifacts, or null after having logged why this machine cannot make them. */
async function pathsOf(t: ExecutionContext, names: readonly ArtifactName[]): Promise<readonly string[] | null> {
  t.timeout(buildTimeout);
  const lab = await artifacts(names);
  if (!lab.available) {
    t.log(`skipped: ${lab.reason}`);
    t.pass();
    return null;
  }
  return names.map((name) => lab.path[name]);
}

/** What becomes of the last of `objects` when `host` opens all of them. */
async function lastOf(t: ExecutionContext, host: ArtifactName, objects: readonly ArtifactName[], timeout = patience) {
  const paths = await pathsOf(t, [host, ...objects]);
  if (paths === null) {
    return null;
  }
  const [hostPath = '', ...objectPaths] = paths;
  const { openings, ending, stderr } = await openAll(hostPath, objectPaths, { timeout });
  const last = openings.length === objects.length ? openings.at(-1) : undefined;
  return { openings, ending, stderr, outcome: last?.outcome ?? ending, message: last?.message ?? stderr, last };
}

function inEmptyCache(t: ExecutionContext): string {
  const cache = mkdtempSync(join(tmpdir(), 'elfgate-lab-'));
  t.teardown(() => rmSync(cache, { recursive: true, force: true }));
  return cache;
}

test('an artifact is built once and served from the cache afterwards', async (t) => {
  const cache = inEmptyCache(t);
  const first = await workshop({ cache }).make(recipeOf('c/search-path-none'));
  if (!first.available) {
    t.log(first.reason);
    return t.pass();
  }
  const second = await workshop({ cache }).make(recipeOf('c/search-path-none'));
  t.is(first.origin, 'built');
  t.deepEqual(second, { available: true, path: first.path, origin: 'cache', seconds: 0 });
});

test('two workshops that need the same artifact at once build it once', async (t) => {
  const cache = inEmptyCache(t);
  const recipe = recipeOf('c/my-api-stripped');
  const both = await Promise.all([workshop({ cache }).make(recipe), workshop({ cache }).make(recipe)]);
  const [one, other] = both;
  if (!one.available || !other.available) {
    return t.pass();
  }
  t.is(one.path, other.path);
  t.is(readFileSync(one.path).readUInt32BE(0), 0x7f454c46);
  t.deepEqual(both.flatMap((each) => (each.available ? [each.origin] : [])).sort(), ['built', 'cache']);
  t.deepEqual(
    readdirSync(cache).filter((name) => name.endsWith('.lock') || name.startsWith('.')),
    [],
  );
});

test('a compiler that is not there is named in one line, with what to install', async (t) => {
  const nothing = workshop({ cache: inEmptyCache(t), searchPath: '' });
  t.deepEqual(await nothing.make(recipeOf('c/hello')), {
    available: false,
    reason: 'gcc is not on this machine: apt-get install gcc libc6-dev',
  });
  t.deepEqual(await nothing.make(recipeOf('c/hello-static-stripped')), {
    available: false,
    reason: 'gcc is not on this machine: apt-get install gcc libc6-dev',
  });
});

test('names are family/kind, with the toolchain last', (t) => {
  for (const name of artifactNames) {
    t.regex(name, /^[a-z]+\/[a-z0-9.-]+(@1\.\d+)?$/);
  }
});

const sameToolchain: readonly (readonly [ArtifactName, ArtifactName])[] = [
  ['go/host@1.19', 'go/plugin@1.19'],
  ['go/host@1.20', 'go/plugin@1.20'],
  ['go/host@1.21', 'go/plugin@1.21'],
  ['go/host@1.22', 'go/plugin@1.22'],
  ['go/host@1.23', 'go/plugin@1.23'],
  ['go/host@1.24', 'go/plugin@1.24'],
  ['go/host@1.25', 'go/plugin@1.25'],
  ['go/host@1.26', 'go/plugin@1.26'],
];

for (const [host, plugin] of sameToolchain) {
  test(`${host} loads its own plugin`, async (t) => {
    const found = await lastOf(t, host, [plugin]);
    if (found !== null) {
      t.is(found.outcome, 'loads');
      t.deepEqual(found.last?.symbols, { Greet: '<greetings, host>', Version: '1.0.0' });
    }
  });
}

test('a plugin of a toolchain with another size of module data kills the host', async (t) => {
  for (const plugin of ['go/plugin@1.19', 'go/plugin@1.20', 'go/plugin@1.25'] as const) {
    const found = await lastOf(t, 'go/host', [plugin]);
    if (found !== null) {
      t.is(found.outcome, 'crashes');
      t.regex(found.stderr, noModuleData);
    }
  }
});

test('a plugin of a toolchain with the same module data is refused, naming a package', async (t) => {
  const found = await lastOf(t, 'go/host@1.24', ['go/plugin@1.25']);
  if (found !== null) {
    t.is(found.outcome, 'fails');
    t.regex(found.message, otherVersionOf('internal/goarch'));
  }
});

test('shifted module data of the same size panics, and the next plugin.Open hangs', async (t) => {
  const found = await lastOf(t, 'go/host', ['go/plugin@1.22', 'go/plugin'], hangPatience);
  if (found !== null) {
    t.like(found.openings[0], {
      outcome: 'panics',
      message: 'runtime error: invalid memory address or nil pointer dereference',
    });
    t.is(found.outcome, 'hangs');
  }
});

const loading: readonly ArtifactName[] = [
  'go/plugin-ldflags-s',
  'go/plugin-ldflags-s-w',
  'go/plugin-stripped',
  'go/plugin-without-sections',
  'go/plugin-goamd64-v3',
  'go/plugin-tags-unused',
  'go/plugin-without-greet',
  'go/plugin-cgo',
  'go/plugin-cgo-hidden',
];

for (const plugin of loading) {
  test(`the host loads ${plugin}`, async (t) => {
    const found = await lastOf(t, 'go/host', [plugin]);
    if (found !== null) {
      t.is(found.outcome, 'loads', found.message);
    }
  });
}

const refused: readonly (readonly [ArtifactName, RegExp])[] = [
  ['go/plugin-trimpath', otherVersionOf('internal/goarch')],
  ['go/plugin-race', otherVersionOf('internal/runtime/sys')],
  ['go/plugin-no-optimization', otherVersionOf('internal/abi')],
  ['go/plugin-goexperiment', otherVersionOf('internal/goexperiment')],
  ['go/plugin-tags-in-shared', otherVersionOf('example.com/lab/shared')],
  ['go/plugin-dependency-1.1.0', otherVersionOf('example.com/dep')],
  ['go/plugin-other-directory', otherVersionOf('example.com/dep')],
  // Not dlopen but the lookup after it: the host's runtime asks for the plugin path that -pluginpath gave. It goes
  // through a map of the plugin's names, so either of the two comes first.
  ['go/plugin-pluginpath', /: could not find symbol (Greet|Version): .*: undefined symbol: foo\.\1$/],
  ['go/plugin-undefined-c-symbol', /: undefined symbol: defined_nowhere$/],
  ['go/plugin-hidden-c-symbol', /: undefined symbol: my_api_internal_count$/],
  ['go/plugin-missing-library', /: libabsent\.so: cannot open shared object file: No such file or directory$/],
  ['go/plugin-musl', /libc\.so: (invalid ELF header|cannot open shared object file)/],
];

for (const [plugin, message] of refused) {
  test(`the host refuses ${plugin}`, async (t) => {
    const found = await lastOf(t, 'go/host', [plugin]);
    if (found !== null) {
      t.is(found.outcome, 'fails');
      t.regex(found.message, message);
    }
  });
}

const deadly: readonly ArtifactName[] = ['go/plugin-bsymbolic', 'go/c-shared', 'c/my-api'];

for (const object of deadly) {
  test(`${object} kills the host when it is opened first, and is refused after a good plugin`, async (t) => {
    const first = await lastOf(t, 'go/host', [object]);
    const second = await lastOf(t, 'go/host', ['go/plugin', object]);
    if (first !== null && second !== null) {
      t.is(first.outcome, 'crashes');
      t.regex(first.stderr, noModuleData);
      t.is(second.outcome, 'fails');
      t.regex(second.message, /: plugin already loaded$/);
    }
  });
}

for (const host of ['go/host-stripped', 'go/host-without-sections', 'go/host-ldflags-s-w', 'go/host-pie'] as const) {
  test(`${host} loads the plugin`, async (t) => {
    const found = await lastOf(t, host, ['go/plugin']);
    if (found !== null) {
      t.is(found.outcome, 'loads', found.message);
    }
  });
}

test('a host without cgo says that plugins are not implemented', async (t) => {
  const found = await lastOf(t, 'go/host-without-cgo', ['go/plugin']);
  if (found !== null) {
    t.like(found.last, { outcome: 'fails', message: 'plugin: not implemented' });
  }
});

test('a static host is killed by its own plugin', async (t) => {
  const found = await lastOf(t, 'go/host-static', ['go/plugin']);
  if (found !== null) {
    t.is(found.outcome, 'crashes');
    t.regex(found.stderr, noModuleData);
  }
});

test('a byte copy of a loaded plugin is already loaded', async (t) => {
  const found = await lastOf(t, 'go/host', ['go/plugin', 'go/plugin-copy']);
  if (found !== null) {
    t.is(found.outcome, 'fails');
    t.regex(found.message, /: plugin already loaded$/);
  }
});

test('the second of two plugins with other builds of a shared package fails, whichever it is', async (t) => {
  const pair = ['go/plugin-auditor', 'go/plugin-billing-other-ledger'] as const;
  for (const order of [pair, pair.toReversed()]) {
    const found = await lastOf(t, 'go/host', order);
    if (found !== null) {
      t.is(found.openings[0]?.outcome, 'loads');
      t.is(found.outcome, 'fails');
      t.regex(found.message, otherVersionOf('example.com/lab/ledger'));
    }
  }
});

test('a failed plugin makes a good one fail when they carry other builds of the same package', async (t) => {
  const found = await lastOf(t, 'go/host', ['go/plugin-trimpath', 'go/plugin']);
  if (found !== null) {
    t.is(found.outcome, 'fails');
    t.regex(found.message, otherVersionOf('example.com/lab/greeter'));
  }
});

test('a failed plugin makes a good one compute wrongly when it brought their common types first', async (t) => {
  const alone = await lastOf(t, 'go/host', ['go/plugin-billing']);
  const after = await lastOf(t, 'go/host', ['go/plugin-auditor-dependency-1.1.0', 'go/plugin-billing']);
  if (alone !== null && after !== null) {
    t.is(alone.last?.symbols.Greet, 'billed, host 1');
    t.is(after.outcome, 'loads');
    // fmt no longer sees that the value has a String method: its type is the failed plugin's.
    t.is(after.last?.symbols.Greet, '{host billed} 1');
  }
});

test('the second of two plugins with the same C function calls the first one’s', async (t) => {
  const found = await lastOf(t, 'go/host', ['go/plugin-hello-first', 'go/plugin-hello-second']);
  if (found !== null) {
    t.is(found.last?.symbols.Greet, 'hello from the first plugin');
  }
});

test('a library finds the symbols of one opened before only when that was opened globally', async (t) => {
  const paths = await pathsOf(t, ['c/dlopen-host', 'c/provider', 'c/provider-global', 'c/needy', 'c/needy-linked']);
  if (paths === null) {
    return;
  }
  const [host = '', provider = '', providerGlobal = '', needy = '', needyLinked = ''] = paths;
  const outcomes = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await openAll(host, args)).openings.map((opening) => opening.outcome);
  t.deepEqual(await outcomes('--local', provider, needy), ['loads', 'fails']);
  t.deepEqual(await outcomes('--global', provider, '--local', needy), ['loads', 'loads']);
  t.deepEqual(await outcomes('--local', needyLinked), ['loads']);
  // The linker's -z global sets DF_1_GLOBAL, which glibc does not read.
  t.deepEqual(await outcomes('--local', providerGlobal, needy), ['loads', 'fails']);
});

test('a name service module with thread-local storage kills static programs, and only those that use it', async (t) => {
  const paths = await pathsOf(t, ['root/nss-module', 'root/nss-module-with-tls']);
  if (paths === null) {
    return;
  }
  if (!mayChangeRoot) {
    t.log('skipped: only the root user may change the root directory');
    return t.pass();
  }
  const [harmless = '', deadlyRoot = ''] = paths;
  const asked = ['nobody.example', 'nobody'];
  t.is((await runInRoot(harmless, '/bin/resolver-static', asked)).exitCode, 0);
  t.is((await runInRoot(deadlyRoot, '/bin/resolver', asked)).exitCode, 0);
  t.is((await runInRoot(deadlyRoot, '/bin/resolver-static', asked)).signal, 'SIGSEGV');
  t.is((await runInRoot(deadlyRoot, '/bin/go-resolver-static-netgo', asked)).exitCode, 0);
  t.regex((await runInRoot(deadlyRoot, '/bin/go-resolver-static-cgo', asked)).stderr, /^SIGSEGV/);
});

test('a program without its interpreter cannot be started', async (t) => {
  const paths = await pathsOf(t, ['c/hello', 'c/hello-bogus-interpreter']);
  if (paths !== null) {
    const [hello = '', bogus = ''] = paths;
    t.is((await run(hello)).stdout, 'hello\n');
    await t.throwsAsync(run(bogus), { code: 'ENOENT' });
  }
});

test('a preloaded library announces itself in a dynamic program and not in a static one', async (t) => {
  const paths = await pathsOf(t, ['c/preload', 'c/hello', 'c/hello-static', 'cross/hello-amd64']);
  if (paths !== null) {
    const [preload = '', dynamic = '', static_ = '', go = ''] = paths;
    const environment = { LD_PRELOAD: preload };
    t.is((await run(dynamic, [], { environment })).stderr, 'preloaded\n');
    t.is((await run(static_, [], { environment })).stderr, '');
    t.is((await run(go, [], { environment })).stderr, '');
  }
});
