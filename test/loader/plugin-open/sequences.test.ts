import test from 'ava';
import { compareWithReality, type SequenceCase } from './real-sequence.ts';

// A part of the matrix that `node test/lab/truth.ts` runs as a whole: each behaviour once.
const sequences: Readonly<Record<string, SequenceCase>> = {
  'a plugin of the same build loads': { host: 'go/host', plugins: ['go/plugin'] },
  'a plugin of an older toolchain kills the host': { host: 'go/host', plugins: ['go/plugin@1.25'] },
  'a plugin of a newer toolchain kills the host': { host: 'go/host@1.25', plugins: ['go/plugin@1.26'] },
  'a plugin of 1.21 in a host of 1.26 panics, and the next call hangs': {
    host: 'go/host',
    plugins: ['go/plugin@1.21', 'go/plugin'],
  },
  'a plugin of 1.26 in a host of 1.22 panics, and the next call hangs': {
    host: 'go/host@1.22',
    plugins: ['go/plugin@1.26', 'go/plugin@1.22'],
  },
  'toolchains of one layout compare packages': {
    host: 'go/host@1.23',
    plugins: ['go/plugin@1.24', 'go/plugin@1.25', 'go/plugin@1.23'],
  },
  '1.21 and 1.22 share a layout': { host: 'go/host@1.21', plugins: ['go/plugin@1.22', 'go/plugin@1.21'] },
  'a plugin of 1.19, which has no build information, loads in its host': {
    host: 'go/host@1.19',
    plugins: ['go/plugin@1.19'],
  },
  'a plugin of 1.19 built with -trimpath is refused': { host: 'go/host@1.19', plugins: ['go/plugin-trimpath@1.19'] },
  'a plugin of 1.20 loads in its host': { host: 'go/host@1.20', plugins: ['go/plugin@1.20'] },
  'a plugin of 1.20 kills a host of 1.19': { host: 'go/host@1.19', plugins: ['go/plugin@1.20'] },
  'after a good plugin, one of another toolchain is taken for the good one': {
    host: 'go/host',
    plugins: ['go/plugin', 'go/plugin@1.25', 'go/plugin'],
  },
  'one of another toolchain breaks the list of modules: no later plugin is found': {
    host: 'go/host',
    plugins: ['go/plugin-billing', 'go/plugin@1.25', 'go/plugin'],
  },
  'a slash behind its name makes a plugin a directory that is not there': {
    host: 'go/host',
    plugins: ['a plugin with a slash behind its name', 'go/plugin'],
  },
  'a plugin stripped of symbols loads': { host: 'go/host', plugins: ['go/plugin-stripped'] },
  'a plugin without section headers loads': { host: 'go/host', plugins: ['go/plugin-without-sections'] },
  'a plugin linked with -s -w loads': { host: 'go/host', plugins: ['go/plugin-ldflags-s-w'] },
  'a plugin for newer processors loads': { host: 'go/host', plugins: ['go/plugin-goamd64-v3'] },
  'a plugin with a tag that changes nothing loads': { host: 'go/host', plugins: ['go/plugin-tags-unused'] },
  'a stripped host loads its plugin': { host: 'go/host-stripped', plugins: ['go/plugin'] },
  'a host without section headers loads its plugin': { host: 'go/host-without-sections', plugins: ['go/plugin'] },
  'a position-independent host loads its plugin': { host: 'go/host-pie', plugins: ['go/plugin', 'go/plugin-billing'] },
  'a host built with -trimpath refuses a plugin built without': { host: 'go/host-trimpath', plugins: ['go/plugin'] },
  'a host built with -trimpath loads a plugin built with it': {
    host: 'go/host-trimpath',
    plugins: ['go/plugin-trimpath'],
  },
  'a host with the race detector loads a plugin with it': { host: 'go/host-race', plugins: ['go/plugin-race'] },
  'a plugin with the race detector is refused': { host: 'go/host', plugins: ['go/plugin-race'] },
  'a plugin without optimization is refused': { host: 'go/host', plugins: ['go/plugin-no-optimization'] },
  'a plugin with an experiment is refused': { host: 'go/host', plugins: ['go/plugin-goexperiment'] },
  'a plugin with another version of a dependency is refused': {
    host: 'go/host',
    plugins: ['go/plugin-dependency-1.1.0'],
  },
  'a plugin from another directory is refused': { host: 'go/host', plugins: ['go/plugin-other-directory'] },
  'a plugin whose tags change a shared package is refused': { host: 'go/host', plugins: ['go/plugin-tags-in-shared'] },
  'a refused plugin is refused again with the first error': {
    host: 'go/host',
    plugins: ['go/plugin-trimpath', 'go/plugin-trimpath'],
  },
  'a refused plugin poisons a good one of the same package': {
    host: 'go/host',
    plugins: ['go/plugin-trimpath', 'go/plugin'],
  },
  'a refused plugin does not poison one that shares nothing with it': {
    host: 'go/host',
    plugins: ['go/plugin-dependency-1.1.0', 'go/plugin-hello-first'],
  },
  'two builds of a package that no host has: the second is refused': {
    host: 'go/host',
    plugins: ['go/plugin-auditor', 'go/plugin-billing-other-ledger'],
  },
  'the other way round, the other one is refused': {
    host: 'go/host',
    plugins: ['go/plugin-billing-other-ledger', 'go/plugin-auditor'],
  },
  'a refused plugin owns the packages that it brought': {
    host: 'go/host',
    plugins: ['go/plugin-auditor-dependency-1.1.0', 'go/plugin-billing'],
  },
  'a plugin that the loader refuses leaves nothing behind': {
    host: 'go/host',
    plugins: ['go/plugin-undefined-c-symbol', 'go/plugin-missing-library', 'go/plugin'],
  },
  'a plugin that the loader refuses is tried again': {
    host: 'go/host',
    plugins: ['go/plugin-undefined-c-symbol', 'go/plugin-undefined-c-symbol'],
  },
  'a plugin that is opened twice loads twice': { host: 'go/host', plugins: ['go/plugin', 'go/plugin'] },
  'a link to a plugin is the plugin': { host: 'go/host', plugins: ['go/plugin', 'a link to the plugin'] },
  'a copy of a plugin is already loaded': { host: 'go/host', plugins: ['go/plugin', 'go/plugin-copy', 'go/plugin'] },
  'a stripped build of a loaded plugin is already loaded': {
    host: 'go/host',
    plugins: ['go/plugin', 'go/plugin-stripped'],
  },
  'a second name of one file is already loaded': {
    host: 'go/host',
    plugins: ['another name of the plugin', 'the first name of that plugin'],
  },
  'a copy of a refused plugin is refused for its packages': {
    host: 'go/host-trimpath',
    plugins: ['go/plugin', 'go/plugin-copy'],
  },
  'a C library kills a host that has no plugins yet': { host: 'go/host', plugins: ['c/my-api'] },
  'a C library after a plugin is taken for the plugin': {
    host: 'go/host',
    plugins: ['go/plugin', 'c/my-api', 'c/my-api', 'go/plugin-billing'],
  },
  'a C library after a refused plugin kills the host': { host: 'go/host', plugins: ['go/plugin-trimpath', 'c/my-api'] },
  'a C library after a copy kills the host': { host: 'go/host', plugins: ['go/plugin', 'go/plugin-copy', 'c/my-api'] },
  'a C library written in Go kills the host': { host: 'go/host', plugins: ['go/c-shared'] },
  'a plugin bound to itself kills the host': { host: 'go/host', plugins: ['go/plugin-bsymbolic'] },
  'a plugin bound to itself after another is taken for that one': {
    host: 'go/host',
    plugins: ['go/plugin-billing', 'go/plugin-bsymbolic', 'go/plugin'],
  },
  'a plugin path of its own: the symbols are not found': { host: 'go/host', plugins: ['go/plugin-pluginpath'] },
  'a plugin path of its own, and one exported name: that one is named': {
    host: 'go/host',
    plugins: ['go/plugin-without-greet-pluginpath'],
  },
  'a plugin whose symbols were not found hangs the next call': {
    host: 'go/host',
    plugins: ['go/plugin-pluginpath', 'go/plugin-pluginpath'],
  },
  'a library that is nowhere is named': { host: 'go/host', plugins: ['go/plugin-missing-library'] },
  'a C function that nothing defines is named': { host: 'go/host', plugins: ['go/plugin-undefined-c-symbol'] },
  'a C function that its library hides is named': { host: 'go/host', plugins: ['go/plugin-hidden-c-symbol'] },
  'a version that glibc lacks is named': { host: 'go/host', plugins: ['c/needs-future-glibc'] },
  'a symbol of a library opened before is found': {
    host: 'go/host',
    plugins: ['go/plugin', 'c/provider', 'c/needy', 'go/plugin-billing'],
  },
  'the same symbol is missing before that library is opened': {
    host: 'go/host',
    plugins: ['go/plugin', 'c/needy', 'c/provider', 'c/needy'],
  },
  'cgo plugins load': {
    host: 'go/host',
    plugins: ['go/plugin-cgo', 'go/plugin-hello-first', 'go/plugin-hello-second'],
  },
  'a plugin linked with musl is refused by glibc': { host: 'go/host', plugins: ['go/plugin-musl'] },
  'a host linked with musl loads plugins of both': {
    host: 'go/host-musl',
    plugins: ['go/plugin-musl', 'go/plugin-billing'],
  },
  'musl words its errors differently': {
    host: 'go/host-musl',
    plugins: ['go/plugin-undefined-c-symbol', 'go/plugin-missing-library', 'a text file', 'a missing file'],
  },
  'a static host dies': { host: 'go/host-static', plugins: ['go/plugin-missing-library', 'go/plugin', 'go/plugin'] },
  'a host without cgo has a stub': { host: 'go/host-without-cgo', plugins: ['go/plugin', 'a missing file'] },
  'files that are no plugins are refused, and do no harm': {
    host: 'go/host',
    plugins: ['a text file', 'a short text file', 'an empty file', 'a missing file', 'a directory', 'go/plugin'],
  },
  'programs are refused': { host: 'go/host', plugins: ['go/host', 'go/host-pie', 'c/hello-static', 'go/plugin'] },
  'files of other machines are refused': {
    host: 'go/host',
    plugins: ['cross/plugin-arm64', 'cross/plugin-s390x', 'cross/hello-386', 'bpf/uprobe', 'go/plugin'],
  },
};

for (const [title, sequence] of Object.entries(sequences)) {
  test(title, async (t) => {
    t.timeout(600_000);
    const compared = await compareWithReality(sequence);
    if (!compared.available) {
      t.log(`not run: ${compared.reason}`);
      t.pass();
      return;
    }
    for (const step of compared.steps) {
      t.is(step.verdict, 'agrees', JSON.stringify(step, null, 2));
    }
  });
}
