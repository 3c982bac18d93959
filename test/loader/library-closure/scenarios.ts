/** Small sets of libraries, built on the spot, each of which makes a loader take another turn. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Scenario {
  /** The file that everything starts at. */
  readonly file: string;
  readonly libraryPath?: string;
  readonly preload?: string;
}

/** Builds in a directory of its own; paths are relative to it. */
export class Bench {
  readonly directory: string;
  readonly #compiler: string;

  constructor(compiler: 'gcc' | 'musl-gcc') {
    this.#compiler = compiler;
    this.directory = realpathSync(mkdtempSync(join(tmpdir(), 'elfgate-closure-')));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  link(name: string, target: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    symlinkSync(target, this.path(name));
  }

  /** A shared library; its soname is its file name unless flags say otherwise. */
  library(name: string, source: string, flags: readonly string[] = []): string {
    const soname = flags.some((flag) => flag.includes('-soname')) ? [] : [`-Wl,-soname,${name.replace(/.*\//, '')}`];
    return this.#compile(name, source, ['-shared', '-fPIC', ...soname, ...flags]);
  }

  program(name: string, source: string, flags: readonly string[] = []): string {
    return this.#compile(name, source, flags);
  }

  #compile(name: string, source: string, flags: readonly string[]): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    const file = this.write(`sources/${name.replaceAll('/', '-')}.c`, source);
    execFileSync(
      this.#compiler,
      [
        '-O1',
        '-fno-builtin',
        '-o',
        this.path(name),
        file,
        '-Wl,--no-as-needed',
        '-Wl,--allow-shlib-undefined',
        ...flags,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.directory },
    );
    return this.path(name);
  }
}

export function hasTool(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const oldTags = '-Wl,--disable-new-dtags';
const newTags = '-Wl,--enable-new-dtags';
const callsInner = 'int inner(void); int outer(void) { return inner(); }';
const callsOuter = 'int outer(void); int main(void) { return outer(); }';
const inner = 'int inner(void) { return 1; }';

/** Scenarios of both C libraries. */
export const common: Readonly<Record<string, (bench: Bench) => Scenario>> = {
  'DT_RPATH of the program serves the libraries of its libraries': (bench) => {
    const deep = bench.library('deep/libinner.so', inner);
    const outer = bench.library('deep/libouter.so', callsInner, [deep]);
    return { file: bench.program('main', callsOuter, [outer, oldTags, `-Wl,-rpath,${bench.path('deep')}`]) };
  },
  'DT_RUNPATH of the program serves its own libraries only': (bench) => {
    const deep = bench.library('deep/libinner.so', inner);
    const outer = bench.library('deep/libouter.so', callsInner, [deep]);
    return { file: bench.program('main', callsOuter, [outer, newTags, `-Wl,-rpath,${bench.path('deep')}`]) };
  },
  'a library with DT_RUNPATH does not look into the DT_RPATH of the program': (bench) => {
    const deep = bench.library('deep/libinner.so', inner);
    const outer = bench.library('deep/libouter.so', callsInner, [deep, newTags, '-Wl,-rpath,/nowhere']);
    return { file: bench.program('main', callsOuter, [outer, oldTags, `-Wl,-rpath,${bench.path('deep')}`]) };
  },
  'the origin of a library is the directory in which it was found, links included': (bench) => {
    const deep = bench.library('real/libinner.so', inner);
    const outer = bench.library('real/libouter.so', callsInner, [deep, newTags, '-Wl,-rpath,$ORIGIN']);
    bench.link('linked', 'real');
    return { file: bench.program('main', callsOuter, [outer, newTags, `-Wl,-rpath,${bench.path('linked')}`]) };
  },
  'the library path comes before DT_RUNPATH and after DT_RPATH': (bench) => {
    bench.library('first/libinner.so', inner);
    const second = bench.library('second/libinner.so', inner);
    const outer = bench.library('second/libouter.so', callsInner, [
      second,
      oldTags,
      `-Wl,-rpath,${bench.path('second')}`,
    ]);
    const main = bench.program('main', callsOuter, [outer, newTags, `-Wl,-rpath,${bench.path('second')}`]);
    return { file: main, libraryPath: bench.path('first') };
  },
  'a preloaded library defines what nobody else does': (bench) => {
    const extra = bench.library('libextra.so', inner);
    return { file: bench.library('libouter.so', callsInner), preload: extra };
  },
  'a missing library, and the symbols that only it defined': (bench) => {
    const gone = bench.library('gone/libinner.so', inner);
    return { file: bench.library('libouter.so', callsInner, [gone]) };
  },
  'libraries that need each other': (bench) => {
    const first = bench.library('liba.so', 'int a(void) { return 1; }');
    const second = bench.library('libb.so', 'int a(void); int b(void) { return a(); }', [
      first,
      newTags,
      '-Wl,-rpath,$ORIGIN',
    ]);
    return {
      file: bench.library('liba.so', 'int b(void); int a(void) { return b(); }', [
        second,
        newTags,
        '-Wl,-rpath,$ORIGIN',
      ]),
    };
  },
  'a weak reference that nothing defines': (bench) => ({
    file: bench.program(
      'main',
      '__attribute__((weak)) int inner(void); int main(void) { return inner ? inner() : 0; }',
    ),
  }),
  'a hidden symbol of another library defines nothing': (bench) => {
    const hidden = bench.library(
      'libinner.so',
      `__attribute__((visibility("hidden"))) ${inner} int seen(void) { return inner(); }`,
    );
    return { file: bench.library('libouter.so', callsInner, [hidden, newTags, '-Wl,-rpath,$ORIGIN']) };
  },
  'names found with the System V hash table': (bench) => {
    const old = bench.library('libinner.so', `${inner} int more(void) { return 2; }`, ['-Wl,--hash-style=sysv']);
    return {
      file: bench.library(
        'libouter.so',
        'int inner(void), more(void), absent(void); int outer(void) { return inner() + more() + absent(); }',
        [old, newTags, '-Wl,-rpath,$ORIGIN'],
      ),
    };
  },
  'data that a program copies from a library, and from none': (bench) => {
    const data = bench.library('libdata.so', 'int shared = 3;');
    const main = bench.program('main', 'extern int shared; int main(void) { return shared; }', [
      data,
      '-no-pie',
      '-fno-pie',
      newTags,
      '-Wl,-rpath,$ORIGIN',
    ]);
    bench.library('libdata.so', 'int other = 3;');
    return { file: main };
  },
  'a library named with a slash': (bench) => {
    const slash = bench.path('libinner.so');
    bench.library('libinner.so', inner, [`-Wl,-soname,${slash}`]);
    return { file: bench.program('main', 'int inner(void); int main(void) { return inner(); }', [slash]) };
  },
};

/** So many that those of two such libraries are more than are kept at once. */
const manySymbols = (prefix: string): string => {
  const names = Array.from({ length: 120_000 }, (_, at) => `${prefix}_${'x'.repeat(20)}_${at}`);
  return `asm("${names.map((name) => `.globl ${name};${name}=1`).join(';')}");`;
};

/** Scenarios of glibc alone. */
export const ofGlibc: Readonly<Record<string, (bench: Bench) => Scenario>> = {
  'data that a program copies from none, while its symbols are read again': (bench) => {
    const data = bench.library('libdata.so', 'int shared = 3;');
    const libraries = ['one', 'two'].map((name) => bench.library(`lib${name}.so`, manySymbols(name)));
    const main = bench.program(
      'main',
      'extern int shared; __attribute__((weak)) void nowhere(void); int main(void) { if (nowhere) nowhere(); return shared; }',
      [data, '-Wl,--no-as-needed', ...libraries, '-no-pie', '-fno-pie', newTags, '-Wl,-rpath,$ORIGIN'],
    );
    bench.library('libdata.so', 'int other = 3;');
    return { file: main };
  },
  'one file under two names is loaded once': (bench) => {
    const real = bench.library('libinner.so', inner, ['-Wl,-soname,libinner.so']);
    bench.link('libalias.so', 'libinner.so');
    const alias = bench.library('stand-in/libalias.so', inner);
    const outer = bench.library('libouter.so', callsInner, [alias]);
    return { file: bench.program('main', callsOuter, [real, outer, oldTags, '-Wl,-rpath,$ORIGIN']) };
  },
  'a soname satisfies a name that no file has': (bench) => {
    const renamed = bench.library('renamed.so', inner, ['-Wl,-soname,libsoname.so.1']);
    const standIn = bench.library('gone/libsoname.so.1', inner);
    const outer = bench.library('libouter.so', callsInner, [standIn]);
    return { file: outer, preload: renamed };
  },
  'a text file of the right name ends the search': (bench) => {
    const real = bench.library('real/libinner.so', inner);
    bench.write('script/libinner.so', 'INPUT(libreal.so)\n');
    const rpath = `-Wl,-rpath,${bench.path('script')}:${bench.path('real')}`;
    return { file: bench.library('libouter.so', callsInner, [real, newTags, rpath]) };
  },
  'a library of another word size is passed over': (bench) => {
    const real = bench.library('real/libinner.so', inner);
    const narrow = Buffer.alloc(64);
    narrow.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
    narrow.set([3, 0, 3, 0, 1], 16);
    writeFileSync(bench.write('narrow/libinner.so', ''), narrow);
    const rpath = `-Wl,-rpath,${bench.path('narrow')}:${bench.path('real')}`;
    return { file: bench.library('libouter.so', callsInner, [real, newTags, rpath]) };
  },
  'a library for another machine is passed over': (bench) => {
    const real = bench.library('real/libinner.so', inner);
    const foreign = Buffer.alloc(64);
    foreign.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    foreign.set([3, 0, 0xf3, 0, 1], 16);
    foreign.set([64, 0, 56], 52);
    writeFileSync(bench.write('foreign/libinner.so', ''), foreign);
    const rpath = `-Wl,-rpath,${bench.path('foreign')}:${bench.path('real')}`;
    return { file: bench.library('libouter.so', callsInner, [real, newTags, rpath]) };
  },
  'a variant for better processors, next to the plain library': (bench) => {
    const plain = bench.library('libinner.so', inner);
    bench.library('glibc-hwcaps/x86-64-v2/libinner.so', inner);
    return { file: bench.library('libouter.so', callsInner, [plain, newTags, '-Wl,-rpath,$ORIGIN']) };
  },
  'a filter, whose symbols another library defines': (bench) => {
    bench.library('libreal.so', inner);
    const filter = bench.library('libinner.so', inner, ['-Wl,-F,libreal.so', newTags, '-Wl,-rpath,$ORIGIN']);
    return { file: bench.library('libouter.so', callsInner, [filter, newTags, '-Wl,-rpath,$ORIGIN']) };
  },
  'an auxiliary filter that is not there': (bench) => {
    const filter = bench.library('libinner.so', inner, ['-Wl,-f,libabsent.so', newTags, '-Wl,-rpath,$ORIGIN']);
    return { file: bench.library('libouter.so', callsInner, [filter, newTags, '-Wl,-rpath,$ORIGIN']) };
  },
  'no default directories for the libraries of one library': (bench) => {
    // The program brings libc along: without any, the loader of glibc 2.36 dies of SIGSEGV before it binds a symbol.
    const strict = bench.library('libouter.so', 'double sin(double); int outer(void) { return (int)sin(1); }', [
      '-Wl,-z,nodefaultlib',
      '-lm',
    ]);
    return { file: bench.program('main', callsOuter, [strict, newTags, '-Wl,-rpath,$ORIGIN']) };
  },
  'tokens plain, in braces and unknown': (bench) => {
    const real = bench.library('real/libinner.so', inner);
    const rpath = ['-Wl,-rpath,$ORIGINAL/real:$', '{NOTHING}/real:/x/$LIB/$PLATFORM:$', '{ORIGIN}/real'].join('');
    return { file: bench.library('libouter.so', callsInner, [real, newTags, rpath]) };
  },
  'a token in DT_NEEDED': (bench) => {
    const real = bench.library('real/libinner.so', inner, ['-Wl,-soname,$ORIGIN/real/libinner.so']);
    return { file: bench.library('libouter.so', callsInner, [real]) };
  },
  'a version that the library of today lacks': (bench) => {
    bench.write('old.map', 'V_1 { global: inner; local: *; };');
    bench.write('new.map', 'V_1 { global: inner; }; V_2 { global: added; };');
    const script = (name: string): string => `-Wl,--version-script=${bench.path(name)}`;
    const both = bench.library('libinner.so', `${inner} int added(void) { return 2; }`, [script('new.map')]);
    const user = bench.library(
      'libouter.so',
      'int inner(void), added(void); int outer(void) { return inner() + added(); }',
      [both, newTags, '-Wl,-rpath,$ORIGIN'],
    );
    bench.library('libinner.so', inner, [script('old.map')]);
    return { file: user };
  },
  'a version that is there without the symbol': (bench) => {
    bench.write('some.map', 'V_1 { global: inner; added; };');
    const script = `-Wl,--version-script=${bench.path('some.map')}`;
    const both = bench.library('libinner.so', `${inner} int added(void) { return 2; }`, [script]);
    const user = bench.library(
      'libouter.so',
      'int inner(void), added(void); int outer(void) { return inner() + added(); }',
      [both, newTags, '-Wl,-rpath,$ORIGIN'],
    );
    bench.library('libinner.so', inner, [script]);
    return { file: user };
  },
  'a library that lost its versions serves those who ask for one': (bench) => {
    bench.write('some.map', 'V_1 { global: inner; };');
    const versioned = bench.library('libinner.so', inner, [`-Wl,--version-script=${bench.path('some.map')}`]);
    const user = bench.library('libouter.so', callsInner, [versioned, newTags, '-Wl,-rpath,$ORIGIN']);
    bench.library('libinner.so', inner);
    return { file: user };
  },
  'a reference without a version, and definitions that have several': (bench) => {
    const plain = bench.library('libinner.so', `${inner} int only(void) { return 1; } int late(void) { return 1; }`);
    const user = bench.library(
      'libouter.so',
      'int inner(void), only(void), late(void); int outer(void) { return inner() + only() + late(); }',
      [plain, newTags, '-Wl,-rpath,$ORIGIN'],
    );
    bench.write('many.map', 'V_1 { global: inner; }; V_2 { global: inner; only; }; V_3 { global: inner; late; };');
    bench.library(
      'libinner.so',
      `__asm__(".symver one, inner@V_1"); __asm__(".symver two, inner@V_2"); __asm__(".symver three, inner@V_3");
       __asm__(".symver hidden, late@V_3");
       int one(void) { return 1; } int two(void) { return 2; } int three(void) { return 3; }
       int hidden(void) { return 4; } int only(void) { return 5; }`,
      [`-Wl,--version-script=${bench.path('many.map')}`],
    );
    return { file: user };
  },
  'a program where a library was expected': (bench) => {
    const standIn = bench.library('stand-in/libinner.so', inner);
    bench.program('libinner.so', 'int main(void) { return 0; }', ['-pie', '-fPIE']);
    return { file: bench.library('libouter.so', callsInner, [standIn, newTags, '-Wl,-rpath,$ORIGIN']) };
  },
};
