/** Shared libraries in C, C++ and assembly: visibility, versions, search paths, relocations. */

import { type Argument, command, directoryOf, output, pathOf, type Recipe, scratch } from '../recipe.ts';
import { stripped, withoutSectionHeaders } from './derived.ts';

/** A shared library of the sources, with `flags` for compiler and linker. */
function library(name: string, sources: readonly string[], flags: readonly Argument[] = []): Recipe {
  return {
    output: name,
    sources: 'c-libraries',
    steps: [command('gcc', ['-O2', '-fPIC', '-shared', `-Wl,-soname,${name}`, '-o', output, ...sources, ...flags])],
  };
}

function cxxLibrary(name: string, source: string, flags: readonly string[] = []): Recipe {
  return {
    output: name,
    sources: 'c-libraries',
    steps: [command('g++', ['-O2', '-fPIC', '-shared', `-Wl,-soname,${name}`, '-o', output, source, ...flags])],
  };
}

/** A library that links the zlib look-alike from a static archive. */
function compressor(flags: readonly string[]): Recipe {
  return {
    output: 'libcompressor.so',
    sources: 'c-libraries',
    steps: [
      command('gcc', ['-O2', '-fPIC', '-c', '-o', scratch('zlib.o'), 'zlib-lookalike.c']),
      command('ar', ['rcsD', scratch('libz.a'), scratch('zlib.o')]),
      command('gcc', [
        ...['-O2', '-fPIC', '-shared', '-Wl,-soname,libcompressor.so', '-o', output, 'compressor.c'],
        ...['-Wl,--whole-archive', scratch('libz.a'), '-Wl,--no-whole-archive', ...flags],
      ]),
    ],
  };
}

function searchPath(flags: readonly string[]): Recipe {
  return library('libplain.so', ['plain.c'], flags);
}

const apiSources = ['my-api.c', 'my-api-internal.c'];
const myApi = library('libmyapi.so', apiSources);
const myApiHidden = library('libmyapi.so', apiSources, ['-fvisibility=hidden']);
const provider = library('libprovider.so', ['provider.c']);
const providerOfGlibc = library('libprovider.so', ['provider.c'], ['-Wl,--no-as-needed', '-lc']);
const providerWithVersions = library('libprovider.so', ['provider.c'], ['-Wl,--version-script=provider.map']);

function needyVersioned(found: Recipe): Recipe {
  return library(
    'libneedy-versioned.so',
    ['needy.c'],
    [pathOf(providerWithVersions), directoryOf(found, '-Wl,-rpath,')],
  );
}
const plain = searchPath([]);
const futureLibc = library('libc.so.6', ['future-libc.c'], ['-nostdlib', '-Wl,--version-script=future-libc.map']);

/** Two libraries that need each other: the first is linked against an empty stand-in for the second. */
function neededCycle(): Recipe {
  const part = (name: string, source: string, needs: Recipe): Recipe =>
    library(name, [source], [pathOf(needs), '-Wl,--no-as-needed', '-Wl,-rpath,$ORIGIN']);
  const standIn = library('libcycle-b.so', ['cycle-stand-in.c']);
  const first = part('libcycle-a.so', 'cycle-a.c', standIn);
  const second = part('libcycle-b.so', 'cycle-b.c', first);
  return {
    output: 'needed-cycle',
    sources: null,
    steps: [{ kind: 'tree', entries: { 'libcycle-a.so': { artifact: first }, 'libcycle-b.so': { artifact: second } } }],
  };
}

/** Two libraries whose initialisers dlopen each other. */
function dlopenCycle(): Recipe {
  const first = library('libreopen-a.so', ['reopen-a.c'], ['-Wl,-rpath,$ORIGIN']);
  const second = library('libreopen-b.so', ['reopen-b.c'], ['-Wl,-rpath,$ORIGIN']);
  return {
    output: 'dlopen-cycle',
    sources: null,
    steps: [
      { kind: 'tree', entries: { 'libreopen-a.so': { artifact: first }, 'libreopen-b.so': { artifact: second } } },
    ],
  };
}

export const cLibraries = {
  // One interface (my_api_open, my_api_close), with and without its internals in the dynamic symbol table.
  'c/my-api': myApi,
  'c/my-api-stripped': stripped(myApi),
  'c/my-api-hidden': myApiHidden,
  'c/my-api-hidden-stripped': stripped(myApiHidden),

  // A statically linked dependency, exported or kept inside.
  'c/leaks-zlib': compressor([]),
  'c/hides-zlib': compressor(['-Wl,--exclude-libs,ALL']),

  // How references to own symbols are bound.
  'c/own-symbols': library('libown.so', ['own-symbols.c']),
  'c/own-symbols-bsymbolic': library('libown.so', ['own-symbols.c'], ['-Wl,-Bsymbolic']),
  'c/own-symbols-bsymbolic-functions': library('libown.so', ['own-symbols.c'], ['-Wl,-Bsymbolic-functions']),
  'c/own-symbols-protected': library('libown.so', ['own-symbols.c'], ['-DVISIBILITY="protected"']),
  'c/unique': cxxLibrary('libunique.so', 'unique.cc'),
  'c/not-unique': cxxLibrary('libunique.so', 'unique.cc', ['-fno-gnu-unique']),

  // DT_RPATH and DT_RUNPATH.
  'c/search-path-none': plain,
  'c/runpath-origin': searchPath(['-Wl,--enable-new-dtags', '-Wl,-rpath,$ORIGIN/../lib']),
  'c/runpath-relative': searchPath(['-Wl,--enable-new-dtags', '-Wl,-rpath,lib']),
  'c/runpath-empty-element': searchPath(['-Wl,--enable-new-dtags', '-Wl,-rpath,/usr/lib::/lib']),
  'c/runpath-world-writable': searchPath(['-Wl,--enable-new-dtags', '-Wl,-rpath,/tmp/x']),
  'c/rpath-origin': searchPath(['-Wl,--disable-new-dtags', '-Wl,-rpath,$ORIGIN/../lib']),
  'c/rpath-world-writable': searchPath(['-Wl,--disable-new-dtags', '-Wl,-rpath,/tmp/x']),

  // Symbols of libraries that were opened before.
  'c/provider': provider,
  /** The same with a need of glibc. */
  'c/provider-of-glibc': providerOfGlibc,
  'c/provider-global': library('libprovider.so', ['provider.c'], ['-Wl,-z,global']),
  /** Defines what `c/provider` defines. */
  'c/other-provider': library('libother-provider.so', ['other-provider.c']),
  'c/provider-hidden': library('libprovider.so', ['provider.c'], ['-fvisibility=hidden']),
  'c/needy': library('libneedy.so', ['needy.c']),
  'c/needy-linked': library(
    'libneedy-linked.so',
    ['needy.c'],
    [pathOf(provider), directoryOf(provider, '-Wl,-rpath,')],
  ),
  // Linked with a provider that has versions, and finding one that has none: at all, or of its own.
  'c/needy-unversioned': needyVersioned(provider),
  'c/needy-unversioned-of-glibc': needyVersioned(providerOfGlibc),
  /** Its own provider_fn is static, in another source: the reference stays undefined. */
  'c/needy-static': {
    output: 'libneedy-static.so',
    sources: 'c-libraries',
    steps: [
      command('gcc', ['-O0', '-fPIC', '-c', '-o', scratch('needy.o'), 'needy.c']),
      command('gcc', [
        ...['-O0', '-fPIC', '-fkeep-static-functions', '-Dint=static int', '-c', '-o', scratch('provider.o')],
        'provider.c',
      ]),
      command('gcc', ['-shared', '-o', output, scratch('needy.o'), scratch('provider.o')]),
    ],
  },
  'c/needy-lazy': library('libneedy.so', ['needy.c'], ['-Wl,-z,lazy']),
  'c/needy-weak': library('libneedy-weak.so', ['needy.c'], ['-DWEAK']),
  /** Linked by others and then not shipped. */
  'c/absent': library('libabsent.so', ['absent.c']),
  'c/needs-absent': library(
    'libneeds-absent.so',
    ['plain.c'],
    ['-Wl,--no-as-needed', pathOf(library('libabsent.so', ['absent.c']))],
  ),
  'c/needed-cycle': neededCycle(),
  'c/dlopen-cycle': dlopenCycle(),

  // Symbol versions, kinds of symbols, hash tables, relocations.
  'c/versions': library('libversions.so', ['versions.c'], ['-Wl,--version-script=versions.map']),
  /** Needs GLIBC_2.99, which no glibc has. */
  'c/needs-future-glibc': library('libneeds-future.so', ['needs-future.c'], ['-nostdlib', pathOf(futureLibc)]),
  'c/symbol-kinds': library('libkinds.so', ['symbol-kinds.c']),
  'c/hash-sysv': library('libmyapi.so', apiSources, ['-Wl,--hash-style=sysv']),
  'c/hash-gnu': library('libmyapi.so', apiSources, ['-Wl,--hash-style=gnu']),
  'c/hash-both': library('libmyapi.so', apiSources, ['-Wl,--hash-style=both']),
  'c/relr': {
    output: 'librelr.so',
    sources: 'c-libraries',
    steps: [
      command('gcc', ['-O2', '-fPIC', '-shared', '-Wl,-z,pack-relative-relocs', '-o', output, 'pointers.c'], {}, [
        'ld -z pack-relative-relocs',
      ]),
    ],
  },
  /** Made for pages of 2 KB, which no processor has. */
  'c/small-pages': library('libplain.so', ['plain.c'], ['-Wl,-z,max-page-size=0x800']),
  /** Marked for processors with AVX-512. */
  'c/isa-v4': library('libplain.so', ['plain.c'], ['-Wl,-z,x86-64-v4']),
  'c/no-default-libraries': library(
    'libplain.so',
    ['plain.c'],
    ['-Wl,--no-as-needed', '-l:libm.so.6', '-Wl,-z,nodefaultlib'],
  ),
  'c/filter-missing': library('libplain.so', ['plain.c'], ['-Wl,-F,libabsent.so']),
  'c/textrel': library('libtextrel.so', ['textrel.S'], ['-Wl,-z,notext', '-nostdlib']),
  'c/without-sections': withoutSectionHeaders(myApi),
  'c/executable-stack': library('libplain.so', ['plain.c'], ['-Wl,-z,execstack']),
  'c/static-tls': library('libstatictls.so', ['static-tls.c']),
  'c/preload': library('libpreload.so', ['preload.c']),
} satisfies Record<string, Recipe>;
