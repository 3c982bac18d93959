/** Files for other processors and systems: both widths, both byte orders. */

import { command, output, type Recipe } from '../recipe.ts';
import type { Tool } from '../tools.ts';
import { goBuild } from './go-build.ts';

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

function crossPlugin(
  goarch: string,
  compiler: Tool,
  packageName: 'host' | 'greeter',
  flags: readonly string[],
): Recipe {
  return goBuild({
    output: packageName === 'host' ? 'host' : 'greeter.so',
    sources: 'go-plugins',
    package: `./${packageName}`,
    compiler,
    flags,
    environment: { GOARCH: goarch },
    ...(packageName === 'host' ? {} : { mode: 'plugin' }),
  });
}

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

  'cross/host-arm64': crossPlugin('arm64', 'aarch64-linux-gnu-gcc', 'host', []),
  'cross/plugin-arm64': crossPlugin('arm64', 'aarch64-linux-gnu-gcc', 'greeter', []),
  'cross/plugin-trimpath-arm64': crossPlugin('arm64', 'aarch64-linux-gnu-gcc', 'greeter', ['-trimpath']),
  'cross/host-s390x': crossPlugin('s390x', 's390x-linux-gnu-gcc', 'host', []),
  'cross/plugin-s390x': crossPlugin('s390x', 's390x-linux-gnu-gcc', 'greeter', []),
  'cross/plugin-trimpath-s390x': crossPlugin('s390x', 's390x-linux-gnu-gcc', 'greeter', ['-trimpath']),
} satisfies Record<string, Recipe>;
