import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ElfFile } from '../../../src/binary/elf/elf-file.ts';
import { bufferSource } from '../../../src/bytes/byte-source.ts';
import { predictPluginOpens } from '../../../src/loader/plugin-open/predict.ts';
import { artifacts } from '../../lab/lab.ts';
import { openAll } from '../../lab/run.ts';

const directory = mkdtempSync(join(tmpdir(), 'elfgate-test-'));

/** A file like an artifact, with bytes of its dynamic symbols changed. */
function withSymbols(path: string, name: string, change: (bytes: Buffer, at: number, symbol: string) => void): string {
  const bytes = Buffer.from(readFileSync(path));
  const symbols = new ElfFile(bufferSource(readFileSync(path))).dynamicSymbols;
  for (let index = 1; symbols !== null && index < symbols.length; index++) {
    change(bytes, symbols.offset + index * 24, symbols.name(index));
  }
  const changed = join(directory, name);
  writeFileSync(changed, bytes);
  return changed;
}

test('a refused plugin names the package, shows both hashes and the command that mends it', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-race']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { results } = predictPluginOpens(lab.path['go/host'], [lab.path['go/plugin-race']], { root: null });
  const [result] = results;
  t.like(result, { outcome: 'fails', reason: 'package-hash-mismatch', recoverable: true });
  t.regex(result?.message ?? '', /^plugin was built with a different version of package \S+$/);
  t.deepEqual(
    result?.evidence.slice(0, 2).map(({ label }) => label),
    ['plugin', 'host'],
  );
  t.is(result?.help, 'GOTOOLCHAIN=go1.26.8 CGO_ENABLED=1 go build -buildmode=plugin …');
});

test('the command for a plugin of another toolchain names the toolchain of the host', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin@1.25']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { results } = predictPluginOpens(lab.path['go/host'], [lab.path['go/plugin@1.25']], { root: null });
  t.like(results[0], {
    outcome: 'crashes',
    reason: 'module-data-size',
    message: 'fatal error: runtime: no plugin module data',
    recoverable: false,
    help: 'GOTOOLCHAIN=go1.26.8 CGO_ENABLED=1 go build -buildmode=plugin …',
  });
});

test('a plugin for newer processors loads with a warning', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-goamd64-v3']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { results } = predictPluginOpens(lab.path['go/host'], [lab.path['go/plugin-goamd64-v3']], { root: null });
  t.is(results[0]?.outcome, 'loads');
  t.like(results[0]?.evidence[0], { label: 'warning' });
});

test('a plugin that is marked for processors beyond that of the host is not known to load', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-isa-v4']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const [host, plugin] = [lab.path['go/host'], lab.path['go/plugin-isa-v4']];
  const [predicted] = predictPluginOpens(host, [plugin], { root: null }).results;
  t.like(predicted, { outcome: 'fails', reason: 'unknown-processor', message: null });
  t.like(predicted?.evidence[0], { at: '.note.gnu.property', value: 'x86-64-v4' });
  const [opening] = (await openAll(host, [plugin])).openings;
  t.true(opening?.outcome === 'loads' || opening?.message.endsWith('CPU ISA level is lower than required'));
});

test('of two names that are not found either may be in the error, so that no text is foretold', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-pluginpath', 'go/plugin-without-greet-pluginpath']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const [two, one] = [lab.path['go/plugin-pluginpath'], lab.path['go/plugin-without-greet-pluginpath']];
  const [ofTwo] = predictPluginOpens(lab.path['go/host'], [two], { root: null }).results;
  t.like(ofTwo, { outcome: 'fails', reason: 'plugin-path-mismatch', message: null });
  t.deepEqual(
    ofTwo?.evidence.flatMap(({ label, value }) => (label === 'symbol' ? [value] : [])),
    ['example.com/lab/greeter.Greet', 'example.com/lab/greeter.Version'],
  );
  const [ofOne] = predictPluginOpens(lab.path['go/host'], [one], { root: null }).results;
  t.like(ofOne, {
    outcome: 'fails',
    reason: 'plugin-path-mismatch',
    message: `could not find symbol Version: ${one}: undefined symbol: foo.Version`,
  });
  t.regex(ofOne?.evidence[1]?.at ?? '', /^\.dynsym\+0x[0-9a-f]+$/);
});

test('a plugin that shares packages with a refused one loads, and the danger is said', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-auditor-dependency-1.1.0', 'go/plugin-billing']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { path } = lab;
  const plugins = [path['go/plugin-auditor-dependency-1.1.0'], path['go/plugin-billing']];
  const { results } = predictPluginOpens(path['go/host'], plugins, { root: null });
  t.deepEqual(
    results.map(({ outcome, reason }) => ({ outcome, reason })),
    [
      { outcome: 'fails', reason: 'package-hash-mismatch' },
      { outcome: 'loads', reason: 'types-not-unified' },
    ],
  );
  t.is(results[0]?.help, replacedDependency);
  t.like(results[1]?.evidence[0], { path: plugins[0], label: 'failed plugin' });
});

const replacedDependency =
  'go mod edit -dropreplace=example.com/dep -dropreplace=example.com/dep@v1.1.0 -require=example.com/dep@v1.0.0 ' +
  '-replace=example.com/dep=./dependency-1.0.0 && GOTOOLCHAIN=go1.26.8 CGO_ENABLED=1 go build -buildmode=plugin …' +
  "   (directories of replacements are those of the host's module)";

test('a host and a plugin of another machine are judged by what the host itself needs', async (t) => {
  const lab = await artifacts(['cross/host-arm64', 'cross/plugin-arm64', 'cross/plugin-trimpath-arm64']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { path } = lab;
  const outcomes = (plugin: string) =>
    predictPluginOpens(path['cross/host-arm64'], [plugin], { root: null }).results.map(({ outcome, reason }) => ({
      outcome,
      reason,
    }));
  t.deepEqual(outcomes(path['cross/plugin-arm64']), [{ outcome: 'loads', reason: 'compatible' }]);
  t.like(
    predictPluginOpens(path['cross/host-arm64'], [path['cross/plugin-arm64']], { root: null }).results[0]?.evidence[0],
    { label: 'presumed' },
    'that the libraries were not read is said',
  );
  t.deepEqual(outcomes(path['cross/plugin-trimpath-arm64']), [{ outcome: 'fails', reason: 'package-hash-mismatch' }]);
});

test('a root without the libraries of the host: the host does not start', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin', 'root/scratch']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { path } = lab;
  const { results } = predictPluginOpens(path['go/host'], [path['go/plugin']], { root: path['root/scratch'] });
  t.like(results[0], { outcome: 'not-reached', reason: 'host-does-not-start', message: null });
});

test('a program that cannot call plugin.Open opens nothing', async (t) => {
  const lab = await artifacts(['go/no-plugin-import', 'c/dlopen-host', 'go/plugin']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  for (const host of ['go/no-plugin-import', 'c/dlopen-host'] as const) {
    const { results } = predictPluginOpens(lab.path[host], [lab.path['go/plugin']], { root: null });
    t.like(results[0], { outcome: 'fails', reason: 'host-without-plugin-package', message: null }, host);
  }
});

test('a plugin that hides its hashes is not said to load', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-other-directory', 'go/plugin']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { path } = lab;
  const hidden = withSymbols(path['go/plugin-other-directory'], 'hidden-hashes.so', (bytes, at, name) => {
    if (/^go:link\.pkghashbytes\./.test(name)) {
      bytes.writeBigUInt64LE(0n, at + 16);
    }
  });
  const some = withSymbols(path['go/plugin-other-directory'], 'some-hidden-hashes.so', (bytes, at, name) => {
    if (/^go:link\.pkghashbytes\.(?!fmt)/.test(name)) {
      bytes.writeBigUInt64LE(0n, at + 16);
    }
  });
  for (const plugin of [hidden, some]) {
    t.not(predictPluginOpens(path['go/host'], [plugin], { root: null }).results[0]?.outcome, 'loads');
  }
});

test('a symbol that its hash table does not find is undefined, though the symbol table defines it', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const bytes = Buffer.from(readFileSync(lab.path['go/plugin']));
  const strings = new ElfFile(bufferSource(readFileSync(lab.path['go/plugin']))).dynamicSymbols?.strings;
  bytes.write('V', (strings?.offset ?? 0) + (strings?.bytes.indexOf('example.com/lab/greeter.Greet') ?? 0), 'latin1');
  const renamed = join(directory, 'renamed.so');
  writeFileSync(renamed, bytes);
  t.not(predictPluginOpens(lab.path['go/host'], [renamed], { root: null }).results[0]?.outcome, 'loads');
});

test('the environment of the host tells where a library is, or that it is there already', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-missing-library', 'c/absent']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const { 'go/host': host, 'go/plugin-missing-library': plugin, 'c/absent': library } = lab.path;
  for (const [libraryPath, preload] of [
    ['', []],
    ['/nowhere', ['/nowhere/libabsent.so']],
    [dirname(library), []],
    [`/nowhere:${dirname(library)}/`, []],
    [`/nowhere;${dirname(library)}`, []],
    ['', [library]],
  ] as const) {
    const predicted = predictPluginOpens(host, [plugin], { root: null, environment: { libraryPath, preload } });
    const environment = { LD_LIBRARY_PATH: libraryPath, LD_PRELOAD: preload.join(':') };
    const { openings } = await openAll(host, [plugin], { environment });
    const [{ outcome = '', message = null } = {}] = predicted.results;
    t.is(outcome, openings[0]?.outcome ?? '', JSON.stringify(environment));
    t.true(openings[0]?.message.endsWith(message ?? ''), message ?? '');
  }
  const relative = { libraryPath: 'lib', preload: [] };
  const { results } = predictPluginOpens(host, [plugin], { root: null, environment: relative });
  t.like(results, [{ outcome: 'fails', reason: 'unknown-libraries' }]);
});

/** What is predicted of each plugin alone, once it is what really happens. */
async function predictedAsOpened(t: ExecutionContext, host: string, plugins: readonly string[]) {
  const predictions = [];
  for (const plugin of plugins) {
    const [predicted] = predictPluginOpens(host, [plugin], { root: null }).results;
    const { openings } = await openAll(host, [plugin]);
    const { outcome = '', message = null } = predicted ?? {};
    t.is(outcome, openings[0]?.outcome ?? '', plugin);
    t.true(openings[0]?.message.endsWith(message ?? ''), plugin);
    predictions.push({ outcome, message });
  }
  return predictions;
}

test('a plugin that forbids the default directories does not load from them', async (t) => {
  const names = [
    'go/plugin-no-default-libraries',
    'go/plugin-no-default-libraries-runpath',
    'go/plugin-empty-runpath',
  ] as const;
  const lab = await artifacts(['go/host', ...names]);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const predicted = await predictedAsOpened(
    t,
    lab.path['go/host'],
    names.map((name) => lab.path[name]),
  );
  t.deepEqual(
    // No file was tried: what glibc says of the last one is what some earlier call has left.
    predicted,
    ['fails', 'loads', 'loads'].map((outcome) => ({ outcome, message: null })),
  );
});

test('a filter of a plugin is needed, and an auxiliary filter is not', async (t) => {
  const names = ['go/plugin-filter', 'go/plugin-filter-missing', 'go/plugin-auxiliary-missing'] as const;
  const lab = await artifacts(['go/host', ...names]);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const predicted = await predictedAsOpened(
    t,
    lab.path['go/host'],
    names.map((name) => lab.path[name]),
  );
  t.deepEqual(
    predicted.map(({ outcome }) => outcome),
    ['loads', 'fails', 'loads'],
  );
});

test('what follows a plugin that cannot be judged is not judged either', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin']);
  if (!lab.available) {
    return t.pass(lab.reason);
  }
  const cut = join(directory, 'cut.so');
  writeFileSync(cut, readFileSync(lab.path['go/plugin']).subarray(0, 200_000));
  const { results } = predictPluginOpens(lab.path['go/host'], [cut, lab.path['go/plugin']], { root: null });
  t.deepEqual(
    results.map(({ outcome, reason, message }) => ({ outcome, reason, message })),
    [
      { outcome: 'fails', reason: 'malformed', message: null },
      { outcome: 'fails', reason: 'unknown-predecessor', message: null },
    ],
  );
});
