/** Go plugins: good ones, and each way of building one that does not fit. */

import { directoryOf, joined, pathOf, type Recipe } from '../recipe.ts';
import { cLibraries } from './c-libraries.ts';
import { copied, stripped, withoutSectionHeaders } from './derived.ts';
import { type GoBuild, goBuild } from './go-build.ts';

function plugin(packageName: string, variant: Partial<GoBuild> = {}): Recipe {
  return goBuild({
    output: `${packageName}.so`,
    sources: 'go-plugins',
    package: `./${packageName}`,
    mode: 'plugin',
    ...variant,
  });
}

function greeter(variant: Partial<GoBuild> = {}): Recipe {
  return plugin('greeter', variant);
}

function linkedWith(options: readonly string[]): Recipe {
  return greeter({ flags: [`-ldflags=-extldflags=-Wl,${options.join(',')}`] });
}

function needingMathematics(options: readonly string[]): Recipe {
  return linkedWith(['--no-as-needed', '-l:libm.so.6', ...options]);
}

const standard = greeter();
const otherDependency = ['-modfile=dependency-1.1.0.mod'];

export const goPlugins = {
  /** Exports Greet and Version; shares a package of its own module and a dependency with the host. */
  'go/plugin': standard,
  'go/plugin-copy': copied(standard, 'greeter-copy.so'),

  // Variants that load.
  'go/plugin-ldflags-s': greeter({ flags: ['-ldflags=-s'] }),
  'go/plugin-ldflags-s-w': greeter({ flags: ['-ldflags=-s -w'] }),
  'go/plugin-stripped': stripped(standard),
  'go/plugin-without-sections': withoutSectionHeaders(standard),
  'go/plugin-goamd64-v3': greeter({ environment: { GOAMD64: 'v3' } }),
  'go/plugin-tags-unused': greeter({ flags: ['-tags=nothing_reads_this'] }),

  // Variants that do not.
  'go/plugin-trimpath': greeter({ flags: ['-trimpath'] }),
  'go/plugin-race': greeter({ flags: ['-race'] }),
  'go/plugin-goexperiment': greeter({ environment: { GOEXPERIMENT: 'arenas' } }),
  'go/plugin-no-optimization': greeter({ flags: ['-gcflags=all=-N -l'] }),
  'go/plugin-tags-in-shared': greeter({ flags: ['-tags=wide_shared'] }),
  'go/plugin-dependency-1.1.0': greeter({ flags: otherDependency }),
  'go/plugin-other-directory': greeter({ stagedAs: 'elsewhere' }),
  'go/plugin-pluginpath': greeter({ flags: ['-ldflags=-pluginpath=foo'] }),
  'go/plugin-bsymbolic': greeter({ flags: ['-ldflags=-extldflags=-Wl,-Bsymbolic'] }),
  'go/plugin-musl': greeter({ compiler: 'musl-gcc' }),

  /** Exports Version only. */
  'go/plugin-without-greet': plugin('silent'),
  'go/plugin-without-greet-pluginpath': plugin('silent', { flags: ['-ldflags=-pluginpath=foo'] }),

  // Auditor and billing share the package `ledger`, which no host has.
  'go/plugin-auditor': plugin('auditor'),
  'go/plugin-auditor-dependency-1.1.0': plugin('auditor', { flags: otherDependency }),
  'go/plugin-billing': plugin('billing'),
  'go/plugin-billing-other-ledger': plugin('billing', { flags: ['-tags=wide_ledger'] }),

  // Plugins with C code.
  'go/plugin-cgo': plugin('cgo-greeter'),
  'go/plugin-cgo-hidden': plugin('cgo-greeter', { flags: ['-tags=hidden'] }),
  'go/plugin-hello-first': plugin('hello-first'),
  'go/plugin-hello-second': plugin('hello-second'),
  'go/plugin-undefined-c-symbol': plugin('undefined-c'),
  'go/plugin-missing-library': plugin('missing-library', {
    environment: { CGO_LDFLAGS: joined(directoryOf(cLibraries['c/absent'], '-L'), ' -labsent') },
  }),
  /** The same, which looks for it in a directory beside itself. */
  'go/plugin-library-beside': plugin('missing-library', {
    environment: { CGO_LDFLAGS: joined(directoryOf(cLibraries['c/absent'], '-L'), ' -labsent') },
    flags: ['-ldflags=-extldflags=-Wl,-rpath,$ORIGIN/lib'],
  }),
  // They need a library that no host has loaded.
  'go/plugin-no-default-libraries': needingMathematics(['-z', 'nodefaultlib']),
  'go/plugin-no-default-libraries-runpath': needingMathematics(['-z', 'nodefaultlib', '-rpath', '/$LIB']),
  'go/plugin-empty-runpath': needingMathematics(['--enable-new-dtags', '-rpath', '']),
  /** Marked for processors with AVX-512, which glibc asks for before it loads it. */
  'go/plugin-isa-v4': linkedWith(['-z', 'x86-64-v4']),
  'go/plugin-filter': linkedWith(['-F', 'libm.so.6']),
  'go/plugin-filter-missing': linkedWith(['-F', 'libabsent.so']),
  'go/plugin-auxiliary-missing': linkedWith(['-f', 'libabsent.so']),
  /** References my_api_internal, which its library hides. */
  'go/plugin-hidden-c-symbol': plugin('hidden-c', {
    environment: { CGO_LDFLAGS: pathOf(cLibraries['c/my-api-hidden']) },
  }),

  'go/plugin@1.19': greeter({ toolchain: '1.19.13' }),
  'go/plugin@1.20': greeter({ toolchain: '1.20.14' }),
  'go/plugin@1.21': greeter({ toolchain: '1.21.13' }),
  'go/plugin@1.22': greeter({ toolchain: '1.22.12' }),
  'go/plugin@1.23': greeter({ toolchain: '1.23.12' }),
  'go/plugin@1.24': greeter({ toolchain: '1.24.11' }),
  'go/plugin@1.25': greeter({ toolchain: '1.25.5' }),
  'go/plugin@1.26': standard,
  'go/plugin-trimpath@1.19': greeter({ toolchain: '1.19.13', flags: ['-trimpath'] }),
  'go/plugin-trimpath@1.20': greeter({ toolchain: '1.20.14', flags: ['-trimpath'] }),
  'go/plugin-trimpath@1.22': greeter({ toolchain: '1.22.12', flags: ['-trimpath'] }),
  'go/plugin-trimpath@1.24': greeter({ toolchain: '1.24.11', flags: ['-trimpath'] }),
} satisfies Record<string, Recipe>;
