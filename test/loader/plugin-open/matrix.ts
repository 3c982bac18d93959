import type { ArtifactName } from '../../lab/lab.ts';
import type { OddFile } from './odd-files.ts';
import type { SequenceCase } from './real-sequence.ts';

/** Sequences that are predicted and then run for real, by what they are about. */
export interface SequenceClass {
  readonly about: string;
  readonly cases: readonly SequenceCase[];
}

const releases = ['1.19', '1.20', '1.21', '1.22', '1.23', '1.24', '1.25', '1.26'] as const;

const hosts: readonly ArtifactName[] = [
  'go/host',
  'go/host-stripped',
  'go/host-without-sections',
  'go/host-ldflags-s-w',
  'go/host-pie',
  'go/host-trimpath',
  'go/host-race',
  'go/host-no-optimization',
  'go/host-dependency-1.1.0',
  'go/host-static',
  'go/host-static-stripped',
  'go/host-without-cgo',
  'go/host-musl',
];

const plugins: readonly ArtifactName[] = [
  'go/plugin',
  'go/plugin-stripped',
  'go/plugin-ldflags-s',
  'go/plugin-ldflags-s-w',
  'go/plugin-without-sections',
  'go/plugin-goamd64-v3',
  'go/plugin-tags-unused',
  'go/plugin-tags-in-shared',
  'go/plugin-trimpath',
  'go/plugin-race',
  'go/plugin-no-optimization',
  'go/plugin-goexperiment',
  'go/plugin-dependency-1.1.0',
  'go/plugin-other-directory',
  'go/plugin-pluginpath',
  'go/plugin-bsymbolic',
  'go/plugin-musl',
  'go/plugin-without-greet',
  'go/plugin-without-greet-pluginpath',
  'go/plugin-auditor',
  'go/plugin-cgo',
  'go/plugin-cgo-hidden',
  'go/plugin-undefined-c-symbol',
  'go/plugin-missing-library',
  'go/plugin-hidden-c-symbol',
  'go/c-shared',
];

/** Objects whose order matters: each of them is opened before and after each other one. */
const companions: readonly (ArtifactName | OddFile)[] = [
  'go/plugin',
  'go/plugin-copy',
  'go/plugin-stripped',
  'go/plugin-trimpath',
  'go/plugin-other-directory',
  'go/plugin-dependency-1.1.0',
  'go/plugin-auditor',
  'go/plugin-auditor-dependency-1.1.0',
  'go/plugin-billing',
  'go/plugin-billing-other-ledger',
  'go/plugin-pluginpath',
  'go/plugin-bsymbolic',
  'go/plugin-undefined-c-symbol',
  'go/plugin-hello-first',
  'go/plugin@1.21',
  'go/plugin@1.25',
  'c/my-api',
  'a text file',
];

const otherFiles: readonly (ArtifactName | OddFile)[] = [
  'a text file',
  'a short text file',
  'an empty file',
  'a missing file',
  'a directory',
  'a broken link',
  'an ELF header alone',
  'go/host',
  'go/host-pie',
  'go/no-plugin-import',
  'c/my-api',
  'c/needs-absent',
  'c/needs-future-glibc',
  'c/needy',
  'c/needy-weak',
  'c/needy-linked',
  'c/unique',
  'c/versions',
  'c/textrel',
  'c/relr',
  'c/static-tls',
  'c/hello',
  'c/hello-static',
  'c/hello-static-pie',
  'c/hello-musl',
  'bpf/uprobe',
  'wasm/tiny',
  'cross/hello-386',
  'cross/hello-arm64',
  'cross/plugin-arm64',
  'cross/plugin-s390x',
  'cross/library-s390x',
];

const each = (host: ArtifactName, list: readonly (ArtifactName | OddFile)[]): readonly SequenceCase[] =>
  list.map((plugin) => ({ host, plugins: [plugin] }));

const architectures = ['arm64', 's390x'] as const;

/** Plugins of another processor, by what follows `cross/plugin`. */
const crossPlugins = [
  '',
  '-trimpath',
  '-ldflags-s-w',
  '-dependency-1.1.0',
  '-pluginpath',
  '-bsymbolic',
  '-auditor',
  '-billing',
  '-billing-other-ledger',
  '-cgo',
  '-undefined-c-symbol',
  '-1.25',
  '-1.22',
] as const;

function crossCases(architecture: (typeof architectures)[number]): readonly SequenceCase[] {
  const plugin = (name: (typeof crossPlugins)[number]): ArtifactName => `cross/plugin${name}-${architecture}`;
  const all = crossPlugins.map(plugin);
  return [
    ...each(`cross/host-${architecture}`, all),
    ...each(`cross/host-trimpath-${architecture}`, [plugin(''), plugin('-trimpath')]),
    ...each(`cross/host-static-${architecture}`, [plugin(''), plugin('-undefined-c-symbol')]),
    ...each(`cross/host-without-cgo-${architecture}`, [plugin('')]),
    ...each(`cross/host-${architecture}`, [
      `cross/library-${architecture}`,
      'go/plugin',
      'a text file',
      'a missing file',
    ]),
    ...all.map((second): SequenceCase => ({ host: `cross/host-${architecture}`, plugins: [plugin(''), second] })),
    ...[
      ['-auditor', '-billing-other-ledger', '-billing'],
      ['-billing-other-ledger', '-auditor', ''],
      ['-trimpath', '', '-auditor'],
      ['-billing', '-1.25', '-auditor'],
      ['-undefined-c-symbol', '', '-cgo'],
      ['-pluginpath', '-pluginpath'],
    ].map(
      (names): SequenceCase => ({
        host: `cross/host-${architecture}`,
        plugins: (names as (typeof crossPlugins)[number][]).map(plugin),
      }),
    ),
  ];
}

/** All of them: some six hundred, a quarter of an hour on a small machine. */
export const matrix: readonly SequenceClass[] = [
  {
    about: 'every release in a host of every release',
    cases: releases.flatMap((host) =>
      each(
        `go/host@${host}`,
        releases.map((release) => `go/plugin@${release}` as const),
      ),
    ),
  },
  {
    about: 'a plugin of another release after a good one, and the good one again',
    cases: releases.flatMap((host) =>
      releases
        .filter((release) => release !== host)
        .map(
          (release): SequenceCase => ({
            host: `go/host@${host}`,
            plugins: [`go/plugin@${host}`, `go/plugin@${release}`, `go/plugin@${host}`],
          }),
        ),
    ),
  },
  {
    about: '-trimpath on one side, and the right plugin after it',
    cases: (['1.19', '1.20', '1.22', '1.24'] as const).map((release) => ({
      host: `go/host@${release}`,
      plugins: [`go/plugin-trimpath@${release}`, `go/plugin@${release}`, `go/plugin-trimpath@${release}`],
    })),
  },
  ...hosts.map((host) => ({ about: `every plugin in ${host}`, cases: each(host, plugins) })),
  {
    about: 'two plugins, in every order',
    cases: companions.flatMap((first) =>
      companions.map((second): SequenceCase => ({ host: 'go/host', plugins: [first, second] })),
    ),
  },
  { about: 'files that are no plugins', cases: each('go/host', otherFiles) },
  {
    about: 'files that are no plugins, after a plugin',
    cases: otherFiles.map((file) => ({ host: 'go/host', plugins: ['go/plugin', file, 'go/plugin-billing'] })),
  },
  { about: 'files that are no plugins, in a host linked with musl', cases: each('go/host-musl', otherFiles) },
  { about: 'files that are no plugins, in a static host', cases: each('go/host-static', otherFiles.slice(0, 12)) },
  {
    about: 'one plugin under several names',
    cases: [
      {
        host: 'go/host',
        plugins: ['go/plugin', 'a link to the plugin', 'go/plugin-copy', 'go/plugin-copy', 'go/plugin'],
      },
      { host: 'go/host', plugins: ['a link to the plugin', 'go/plugin'] },
      { host: 'go/host', plugins: ['another name of the plugin', 'the first name of that plugin', 'go/plugin'] },
      { host: 'go/host', plugins: ['go/plugin', 'another name of the plugin', 'the first name of that plugin'] },
      {
        host: 'go/host',
        plugins: ['go/plugin-trimpath', 'go/plugin-trimpath', 'go/plugin-trimpath', 'go/plugin-billing'],
      },
    ],
  },
  ...architectures.map((architecture) => ({
    about: `hosts and plugins of ${architecture}, emulated`,
    cases: crossCases(architecture),
  })),
  {
    about: 'long sequences',
    cases: [
      {
        host: 'go/host',
        plugins: [
          'go/plugin',
          'go/plugin-auditor',
          'go/plugin-billing',
          'go/plugin-cgo',
          'go/plugin-hello-first',
          'go/plugin-hello-second',
        ],
      },
      {
        host: 'go/host',
        plugins: ['go/plugin-auditor', 'go/plugin-billing-other-ledger', 'go/plugin-billing', 'go/plugin'],
      },
      {
        host: 'go/host',
        plugins: ['go/plugin-billing-other-ledger', 'go/plugin-auditor', 'go/plugin-billing', 'go/plugin'],
      },
      {
        host: 'go/host',
        plugins: ['go/plugin-auditor-dependency-1.1.0', 'go/plugin-auditor', 'go/plugin-billing', 'go/plugin'],
      },
      {
        host: 'go/host',
        plugins: [
          'go/plugin-missing-library',
          'go/plugin-undefined-c-symbol',
          'go/plugin-hidden-c-symbol',
          'go/plugin',
        ],
      },
      { host: 'go/host', plugins: ['c/provider', 'go/plugin'] },
      { host: 'go/host', plugins: ['go/plugin', 'c/provider', 'c/needy', 'go/plugin-billing'] },
      { host: 'go/host', plugins: ['go/plugin', 'c/needy', 'c/provider', 'c/needy', 'go/plugin-billing'] },
      { host: 'go/host', plugins: ['go/plugin', 'c/my-api', 'go/plugin-hidden-c-symbol', 'go/plugin-billing'] },
      { host: 'go/host', plugins: ['go/plugin-billing', 'go/plugin@1.25', 'go/plugin', 'go/plugin-billing'] },
      { host: 'go/host', plugins: ['go/plugin-billing', 'go/plugin@1.25', 'go/plugin@1.21', 'go/plugin@1.26'] },
      { host: 'go/host', plugins: ['go/plugin@1.21', 'go/plugin', 'go/plugin-billing'] },
      { host: 'go/host', plugins: ['go/plugin@1.25', 'go/plugin', 'go/plugin-billing'] },
      { host: 'go/host', plugins: ['go/plugin-pluginpath', 'go/plugin-pluginpath', 'go/plugin'] },
      { host: 'go/host', plugins: ['go/plugin', 'go/c-shared', 'go/plugin-billing'] },
      { host: 'go/host@1.22', plugins: ['go/plugin@1.22', 'go/plugin@1.21', 'go/plugin@1.23', 'go/plugin@1.26'] },
      { host: 'go/host@1.23', plugins: ['go/plugin@1.24', 'go/plugin@1.25', 'go/plugin@1.23', 'go/plugin@1.23'] },
      { host: 'go/host-musl', plugins: ['go/plugin-musl', 'go/plugin', 'go/plugin-billing', 'go/plugin-cgo'] },
      {
        host: 'go/host-musl',
        plugins: [
          'go/plugin-trimpath',
          'go/plugin-billing',
          'go/plugin-undefined-c-symbol',
          'go/plugin-missing-library',
        ],
      },
      {
        host: 'go/host-static',
        plugins: ['go/plugin-missing-library', 'a missing file', 'go/plugin', 'go/plugin-billing'],
      },
      { host: 'go/host-without-cgo', plugins: ['go/plugin', 'a missing file', 'a text file'] },
    ],
  },
];
