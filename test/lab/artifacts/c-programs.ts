/** Programs in C and assembly: hardening, interpreters, static C libraries, fixed kernel addresses. */

import { type Argument, command, output, pathOf, type Recipe } from '../recipe.ts';
import type { Tool } from '../tools.ts';
import { cLibraries } from './c-libraries.ts';
import { stripped } from './derived.ts';

function program(source: string, flags: readonly Argument[] = [], compiler: Tool = 'gcc'): Recipe {
  const name = source.replace(/\.[^.]+$/, '');
  return {
    output: name,
    sources: 'c-programs',
    steps: [command(compiler, ['-O2', '-o', output, source, ...flags])],
  };
}

const withoutLibc = [
  '-nostdlib',
  '-static',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-fcf-protection=none',
];
const staticMuslHello = program('hello.c', ['-static'], 'musl-gcc');
const staticHello = program('hello.c', ['-static']);
const staticResolver = program('resolver.c', ['-static']);

export const cPrograms = {
  'c/hello': program('hello.c'),
  'c/hello-static': staticHello,
  'c/hello-static-stripped': stripped(staticHello),
  'c/hello-static-pie': program('hello.c', ['-static-pie']),
  'c/hello-musl': program('hello.c', [], 'musl-gcc'),
  'c/hello-musl-static': staticMuslHello,
  // Too small to hold any text of musl's: nothing tells which C library is inside.
  'c/hello-musl-static-stripped': stripped(staticMuslHello),
  'c/hello-bogus-interpreter': program('hello.c', ['-Wl,--dynamic-linker=/lib/ld-none.so.1']),

  // Resolve the host name and the user name of their command line.
  'c/resolver': program('resolver.c'),
  'c/resolver-static': staticResolver,
  'c/resolver-static-stripped': stripped(staticResolver),
  'c/resolver-musl-static': program('resolver.c', ['-static'], 'musl-gcc'),

  'c/hardening-full': program('hardened.c', [
    ...['-fPIE', '-pie', '-fstack-protector-all', '-D_FORTIFY_SOURCE=2'],
    ...['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack'],
  ]),
  'c/hardening-partial': program('hardened.c', [
    ...['-fPIE', '-pie', '-fno-stack-protector', '-U_FORTIFY_SOURCE'],
    ...['-Wl,-z,relro', '-Wl,-z,lazy', '-Wl,-z,noexecstack'],
  ]),
  'c/hardening-none': program('hardened.c', [
    ...['-fno-pie', '-no-pie', '-fno-stack-protector', '-U_FORTIFY_SOURCE'],
    ...['-Wl,-z,norelro', '-Wl,-z,lazy', '-Wl,-z,execstack'],
  ]),

  // The fixed page at 0xffffffffff600000. Both run without a C library and exit with 0.
  'c/vsyscall': program('vsyscall.c', withoutLibc),
  'c/vsyscall-none': program('vsyscall.c', [...withoutLibc, '-DWITHOUT_VSYSCALL']),

  // glibc symbol versions: __libc_start_main@GLIBC_2.34, and nothing newer than GLIBC_2.2.5.
  'c/glibc-new': program('hello.c'),
  'c/glibc-old': program('old-glibc.c', ['-nostartfiles', '-fno-builtin', '-fno-stack-protector']),

  /** Opens the objects of its command line; flags: --local or --global, --now or --lazy, --call NAME. */
  'c/dlopen-host': program('dlopen-host.c', ['-ldl']),
  'c/dlopen-host-exports': program('dlopen-host.c', ['-ldl', '-rdynamic', '-DDEFINES_PROVIDER']),
  'c/dlopen-host-musl': program('dlopen-host.c', [], 'musl-gcc'),
  /** Calls a function of a library, which is bound when it starts. */
  'c/calls-provider': program('calls-provider.c', ['-Wl,-z,now', pathOf(cLibraries['c/provider'])]),
  'c/calls-provider-musl': program('calls-provider.c', [pathOf(cLibraries['c/provider'])], 'musl-gcc'),
  /** Needs a library that is not shipped with it. */
  'c/needs-absent-library': program('hello.c', ['-Wl,--no-as-needed', pathOf(cLibraries['c/absent'])]),
} satisfies Record<string, Recipe>;
