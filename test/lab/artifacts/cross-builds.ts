/** Files for other processors and systems: both widths, both byte orders. */

import { command, output, type Recipe } from '../recipe.ts';
import type { Tool } from '../tools.ts';
import { type GoBuild, goBuild } from './go-build.ts';

function hello(goarch: string, goos = 'linux'): Recipe {
  return goBuild({
    output: 'hello',
    sources: 'go-programs',
    package: './hello',
    cgo: 'off',
    environment: { GOOS: goos, GOARCH: goarch },
  });
}

function library(compiler: Tool): Recipe {
  return {
    output: 'libmyapi.so',
    sources: 'c-libraries',
    steps: [
      command(compiler, [
        '-O2',
        '-fPIC',
        '-shared',
        '-Wl,-soname,libmyapi.so',
        '-o',
        output,
        'my-api.c',
        'my-api-internal.c',
      ]),
    ],
  };
}

const crossCompilers = { arm64: 'aarch64-linux-gnu-gcc', s390x: 's390x-linux-gnu-gcc' } as const;

type Architecture = keyof typeof crossCompilers;

function crossHost(architecture: Architecture, variant: Partial<GoBuild> = {}): Recipe {
  return goBuild({
    output: 'host',
    sources: 'go-plugins',
    package: './host',
    compiler: crossCompilers[architecture],
    ...variant,
    environment: { GOARCH: architecture, ...variant.environment },
  });
}

function crossPlugin(architecture: Architecture, packageName: string, variant: Partial<GoBuild> = {}): Recipe {
  return crossHost(architecture, {
    output: `${packageName}.so`,
    package: `./${packageName}`,
    mode: 'plugin',
    ...variant,
  });
}

const externalStatic = ['-ldflags=-linkmode=external -extldflags=-static'];
const otherDependency = ['-modfile=dependency-1.1.0.mod'];

export const crossBuilds = {
  'cross/hello-amd64': hello('amd64'),
  'cross/hello-386': hello('386'),
  'cross/hello-arm64': hello('arm64'),
  'cross/hello-mips': hello('mips'),
  'cross/hello-mipsle': hello('mipsle'),
  'cross/hello-ppc64le': hello('ppc64le'),
  'cross/hello-riscv64': hello('riscv64'),
  'cross/hello-s390x': hello('s390x'),
  'cross/hello-freebsd': hello('amd64', 'freebsd'),

  'cross/library-arm64': library('aarch64-linux-gnu-gcc'),
  'cross/library-s390x': library('s390x-linux-gnu-gcc'),

  'cross/host-arm64': crossHost('arm64'),
  'cross/host-trimpath-arm64': crossHost('arm64', { flags: ['-trimpath'] }),
  'cross/host-static-arm64': crossHost('arm64', { flags: externalStatic }),
  'cross/host-without-cgo-arm64': crossHost('arm64', { cgo: 'off' }),
  'cross/plugin-arm64': crossPlugin('arm64', 'greeter'),
  'cross/plugin-trimpath-arm64': crossPlugin('arm64', 'greeter', { flags: ['-trimpath'] }),
  'cross/plugin-ldflags-s-w-arm64': crossPlugin('arm64', 'greeter', { flags: ['-ldflags=-s -w'] }),
  'cross/plugin-dependency-1.1.0-arm64': crossPlugin('arm64', 'greeter', { flags: otherDependency }),
  'cross/plugin-pluginpath-arm64': crossPlugin('arm64', 'greeter', { flags: ['-ldflags=-pluginpath=foo'] }),
  'cross/plugin-bsymbolic-arm64': crossPlugin('arm64', 'greeter', { flags: ['-ldflags=-extldflags=-Wl,-Bsymbolic'] }),
  'cross/plugin-auditor-arm64': crossPlugin('arm64', 'auditor'),
  'cross/plugin-billing-arm64': crossPlugin('arm64', 'billing'),
  'cross/plugin-billing-other-ledger-arm64': crossPlugin('arm64', 'billing', { flags: ['-tags=wide_ledger'] }),
  'cross/plugin-cgo-arm64': crossPlugin('arm64', 'cgo-greeter'),
  'cross/plugin-undefined-c-symbol-arm64': crossPlugin('arm64', 'undefined-c'),
  'cross/plugin-1.25-arm64': crossPlugin('arm64', 'greeter', { toolchain: '1.25.5' }),
  'cross/plugin-1.22-arm64': crossPlugin('arm64', 'greeter', { toolchain: '1.22.12' }),

  'cross/host-s390x': crossHost('s390x'),
  'cross/host-trimpath-s390x': crossHost('s390x', { flags: ['-trimpath'] }),
  'cross/host-static-s390x': crossHost('s390x', { flags: externalStatic }),
  'cross/host-without-cgo-s390x': crossHost('s390x', { cgo: 'off' }),
  'cross/plugin-s390x': crossPlugin('s390x', 'greeter'),
  'cross/plugin-trimpath-s390x': crossPlugin('s390x', 'greeter', { flags: ['-trimpath'] }),
  'cross/plugin-ldflags-s-w-s390x': crossPlugin('s390x', 'greeter', { flags: ['-ldflags=-s -w'] }),
  'cross/plugin-dependency-1.1.0-s390x': crossPlugin('s390x', 'greeter', { flags: otherDependency }),
  'cross/plugin-pluginpath-s390x': crossPlugin('s390x', 'greeter', { flags: ['-ldflags=-pluginpath=foo'] }),
  'cross/plugin-bsymbolic-s390x': crossPlugin('s390x', 'greeter', { flags: ['-ldflags=-extldflags=-Wl,-Bsymbolic'] }),
  'cross/plugin-auditor-s390x': crossPlugin('s390x', 'auditor'),
  'cross/plugin-billing-s390x': crossPlugin('s390x', 'billing'),
  'cross/plugin-billing-other-ledger-s390x': crossPlugin('s390x', 'billing', { flags: ['-tags=wide_ledger'] }),
  'cross/plugin-cgo-s390x': crossPlugin('s390x', 'cgo-greeter'),
  'cross/plugin-undefined-c-symbol-s390x': crossPlugin('s390x', 'undefined-c'),
  'cross/plugin-1.25-s390x': crossPlugin('s390x', 'greeter', { toolchain: '1.25.5' }),
  'cross/plugin-1.22-s390x': crossPlugin('s390x', 'greeter', { toolchain: '1.22.12' }),
} satisfies Record<string, Recipe>;
