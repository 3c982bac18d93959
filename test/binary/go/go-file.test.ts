import test from 'ava';
import { type GoFile, readGoFile } from '../../../src/binary/go/go-file.ts';
import type { ArtifactName } from '../../lab/lab.ts';
import { artifacts } from '../../lab/lab.ts';
import { openAll } from '../../lab/run.ts';
import { labElf, labFacts } from '../elf/lab-elf.ts';

const releases = [
  ['1.19', 'go1.19.13', 552],
  ['1.20', 'go1.20.14', 568],
  ['1.21', 'go1.21.13', 592],
  ['1.22', 'go1.22.12', 592],
  ['1.23', 'go1.23.12', 584],
  ['1.24', 'go1.24.11', 584],
  ['1.25', 'go1.25.5', 584],
  ['1.26', 'go1.26.8', 592],
] as const;

for (const [release, version, moduleDataBytes] of releases) {
  test(`host and plugin of Go ${release} tell their toolchain, their module data and equal hashes`, async (t) => {
    const names = [`go/host@${release}`, `go/plugin@${release}`] as const;
    const lab = await labElf(t, names);
    if (lab === null) {
      return;
    }
    const [host, plugin] = names.map((name) => readGoFile(lab[name]));
    t.is(host?.version?.text, version);
    t.is(plugin?.version?.text, version);
    t.is(host?.moduleDataBytes, moduleDataBytes);
    t.is(plugin?.moduleDataBytes, moduleDataBytes);
    t.is(host?.plugin, null);
    t.deepEqual(plugin?.plugin, { path: 'example.com/lab/greeter', exports: ['Greet', 'Version'] });
    const shared = sharedHashes(host, plugin);
    t.true(shared.length > 30);
    t.deepEqual(
      shared.filter(([, ours, theirs]) => ours !== theirs),
      [],
    );
    t.deepEqual(plugin?.hashes?.checkOrder.toSorted(), [...(plugin?.hashes?.byPackage.keys() ?? [])].sort());
  });
}

function sharedHashes(host: GoFile | null | undefined, plugin: GoFile | null | undefined) {
  const ours = host?.hashes?.byPackage ?? new Map();
  const theirs = plugin?.hashes?.byPackage ?? new Map();
  return [...theirs.keys()]
    .filter((path) => ours.has(path))
    .map((path) => [path, ours.get(path)?.hash, theirs.get(path)?.hash] as const);
}

test('a plugin built with -trimpath has other hashes than a host built without', async (t) => {
  const lab = await labElf(t, ['go/host', 'go/plugin-trimpath', 'go/host-trimpath']);
  if (lab !== null) {
    const plugin = readGoFile(lab['go/plugin-trimpath']);
    const differing = (host: GoFile | null): number =>
      sharedHashes(host, plugin).filter(([, ours, theirs]) => ours !== theirs).length;
    t.true(differing(readGoFile(lab['go/host'])) > 0);
    t.is(differing(readGoFile(lab['go/host-trimpath'])), 0);
  }
});

test('a plugin offers what the host that opens it finds', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin', 'go/plugin-without-greet']);
  const facts = await labFacts(t, ['go/plugin', 'go/plugin-without-greet']);
  if (!lab.available || facts === null) {
    return;
  }
  for (const name of ['go/plugin', 'go/plugin-without-greet'] as const) {
    const { openings } = await openAll(lab.path['go/host'], [lab.path[name]]);
    const symbols = openings[0]?.symbols ?? {};
    const found = Object.keys(symbols).filter((symbol) => !symbols[symbol]?.includes('not found in plugin'));
    t.deepEqual(facts[name].go?.plugin?.exports, found.sort(), name);
  }
});

test('linker names of Go 1.19 start otherwise, and tell the same', async (t) => {
  const lab = await labElf(t, ['go/plugin@1.19']);
  const elf = lab?.['go/plugin@1.19'];
  if (elf === undefined) {
    return;
  }
  t.true(elf.dynamicSymbols?.strings.bytes.includes('go.link.pkghashbytes.runtime'));
  t.false(elf.dynamicSymbols?.strings.bytes.includes('go:link.'));
  t.deepEqual(readGoFile(elf)?.hashes?.byPackage.get('runtime')?.hash.length, 16);
});

test('a plugin without build information names its toolchain in its debug information', async (t) => {
  const lab = await labElf(t, ['go/plugin@1.19', 'go/plugin-trimpath@1.20']);
  if (lab !== null) {
    const go = readGoFile(lab['go/plugin@1.19']);
    t.is(go?.build, null);
    t.deepEqual([go?.version?.text, go?.version?.from], ['go1.19.13', 'dwarf producer']);
    t.is(readGoFile(lab['go/plugin-trimpath@1.20'])?.version?.text, 'go1.20.14');
  }
});

const same: readonly (readonly [ArtifactName, readonly ArtifactName[]])[] = [
  ['go/plugin', ['go/plugin-stripped', 'go/plugin-ldflags-s', 'go/plugin-ldflags-s-w', 'go/plugin-without-sections']],
  ['go/host', ['go/host-stripped', 'go/host-ldflags-s-w', 'go/host-without-sections']],
  ['go/resolver-static-cgo', ['go/resolver-static-cgo-stripped']],
  ['go/probe-target', ['go/probe-target-stripped']],
  ['go/probe-target-pie', ['go/probe-target-pie-stripped']],
];

for (const [name, others] of same) {
  test(`${name} tells the same of Go however it is stripped`, async (t) => {
    const lab = await labFacts(t, [name, ...others]);
    if (lab === null) {
      return;
    }
    const told = (each: ArtifactName) => {
      const go = lab[each].go;
      // The flags that strip are themselves a setting.
      return go && { ...go, versionAt: null, settings: { ...go.settings, '-ldflags': '' } };
    };
    t.truthy(told(name));
    for (const other of others) {
      t.deepEqual(told(other), told(name), other);
    }
  });
}

const programs: readonly (readonly [ArtifactName, { importsPlugin: boolean; cgo: boolean; resolver: boolean }])[] = [
  ['go/host', { importsPlugin: true, cgo: true, resolver: false }],
  ['go/host-without-cgo', { importsPlugin: true, cgo: false, resolver: false }],
  ['go/host-static-stripped', { importsPlugin: true, cgo: true, resolver: false }],
  ['go/host@1.19', { importsPlugin: true, cgo: true, resolver: false }],
  ['go/no-plugin-import', { importsPlugin: false, cgo: false, resolver: false }],
  ['go/resolver', { importsPlugin: false, cgo: true, resolver: true }],
  ['go/resolver-static-cgo-stripped', { importsPlugin: false, cgo: true, resolver: true }],
  ['go/resolver-static-netgo-stripped', { importsPlugin: false, cgo: true, resolver: false }],
  ['go/resolver-without-cgo-stripped', { importsPlugin: false, cgo: false, resolver: false }],
  ['go/probe-target-external-pie-stripped', { importsPlugin: false, cgo: true, resolver: false }],
  ['cross/host-s390x', { importsPlugin: true, cgo: true, resolver: false }],
  ['cross/host-arm64', { importsPlugin: true, cgo: true, resolver: false }],
];

for (const [name, wanted] of programs) {
  test(`the functions in ${name} tell whether it imports plugin, uses cgo and asks the C library for names`, async (t) => {
    const lab = await labFacts(t, [name]);
    const go = lab?.[name].go;
    if (go !== undefined) {
      t.deepEqual(go && { importsPlugin: go.importsPlugin, cgo: go.cgo, resolver: go.cResolver.length > 0 }, wanted);
    }
  });
}

const machines = [
  ['cross/hello-amd64', 'x86_64', 64, 'little'],
  ['cross/hello-386', '386', 32, 'little'],
  ['cross/hello-arm64', 'aarch64', 64, 'little'],
  ['cross/hello-mips', 'mips', 32, 'big'],
  ['cross/hello-mipsle', 'mips', 32, 'little'],
  ['cross/hello-ppc64le', 'ppc64', 64, 'little'],
  ['cross/hello-riscv64', 'riscv', 64, 'little'],
  ['cross/hello-s390x', 's390', 64, 'big'],
  ['cross/hello-freebsd', 'x86_64', 64, 'little'],
] as const;

for (const [name, machine, width, endian] of machines) {
  test(`${name} tells its machine and its build`, async (t) => {
    const lab = await labFacts(t, [name]);
    if (lab === null) {
      return;
    }
    const { elf, go } = lab[name];
    t.deepEqual([elf?.machine, elf?.class, elf?.endian, elf?.type], [machine, width, endian, 'exec']);
    t.is(go?.version, 'go1.26.8');
    t.regex(go?.path ?? '', /hello$/);
    t.is(go?.settings.CGO_ENABLED, '0');
    t.is(go?.importsPlugin, false);
  });
}

test('a plugin whose path was given is a plugin, whose functions nobody finds', async (t) => {
  const lab = await labFacts(t, ['go/plugin-pluginpath']);
  if (lab !== null) {
    t.deepEqual(lab['go/plugin-pluginpath'].go?.plugin, { path: 'foo', exports: [] });
    t.is(lab['go/plugin-pluginpath'].role, 'plugin');
  }
});

test('files without a Go runtime tell nothing of Go', async (t) => {
  const lab = await labElf(t, ['c/hello', 'c/hello-static-stripped', 'c/my-api', 'cross/library-arm64']);
  if (lab !== null) {
    t.deepEqual(Object.values(lab).map(readGoFile), [null, null, null, null]);
  }
});
