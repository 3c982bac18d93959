import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { shortCommands } from '../cli/published-program.ts';

const root = join(import.meta.dirname, '..');

/**
 * Writes the command line as CommonJS files next to the modules that the library is made of: `main.cjs` loads one of the
 * others, `program.cjs` with all commands or that of one short command, with code that is kept from earlier runs.
 *
 * Looking up and linking some fifty ECMAScript modules costs a short run more than its work does. Every module still
 * believes to stand at its own place in `dist`, because it finds worker programs, policies and `opa.wasm` from there.
 *
 * @param dist the directory that holds `cli/` and `src/` once compiled.
 * @throws Error when a source cannot be bundled.
 */
export async function bundleProgram(dist: string): Promise<void> {
  const program = join(root, 'cli', 'program.ts');
  const options = bundleOptions(dist);
  await build({ ...options, entryPoints: [join(root, 'cli', 'main.js'), program] });
  for (const command of shortCommands) {
    const plugins = [withoutOtherCommands(command), ...options.plugins];
    await build({ ...options, entryPoints: [{ in: program, out: command }], plugins });
  }
  await build({
    ...commonOptions,
    // A thread for each large image: loading its seventy modules one by one takes as long as inspecting a hundred binaries.
    entryPoints: [join(root, 'src', 'facts', 'inspection-thread.ts')],
    outfile: join(dist, 'src', 'facts', 'inspection-thread.js'),
    format: 'esm',
    packages: 'external',
  });
}

const target = 'node24';

const commonOptions = {
  bundle: true,
  platform: 'node',
  target,
  minify: true,
  legalComments: 'inline',
  logLevel: 'warning',
} as const;

function bundleOptions(dist: string): BuildOptions & { readonly plugins: Plugin[] } {
  return {
    outdir: join(dist, 'cli'),
    outExtension: { '.js': '.cjs' },
    ...commonOptions,
    format: 'cjs',
    // require() of a module takes less than import() does, which starts the loader of ECMAScript modules.
    supported: { 'dynamic-import': false },
    plugins: [programApart, startsNoProcesses, validationAsOne, packagesOutside, ownPlaces(join(dist, 'cli'), dist)],
  };
}

const programApart: Plugin = {
  name: 'program-apart',
  setup(bundle) {
    bundle.onResolve({ filter: /^\.\/program\.ts$/ }, ({ importer }) =>
      importer.endsWith('main.js') ? { path: join(root, 'cli', 'published-program.ts') } : null,
    );
  },
};

// A run is of the one command that its first argument names. Code that it cannot come to costs it nonetheless: V8 makes an
// object of each function of a file, eight milliseconds for all commands.
function withoutOtherCommands(command: string): Plugin {
  return {
    name: 'without-other-commands',
    setup(bundle) {
      bundle.onResolve({ filter: /^\.\// }, ({ path, kind, importer }) =>
        kind === 'dynamic-import' && isOfOther(command, path, importer) ? { path, namespace: 'absent' } : null,
      );
    },
  };
}

function isOfOther(command: string, path: string, importer: string): boolean {
  if (importer.endsWith('cli/policy-commands.ts')) {
    return command !== 'policy';
  }
  // `policy explain` is another spelling of `explain`.
  const own = command === 'policy' ? 'explain' : command;
  return importer.endsWith('cli/commands.ts') && path !== `./${own}.ts`;
}

// The parser can start a program for a command, which no command here asks for, and loads node:child_process for that:
// a tenth of the time in which a file is inspected.
const startsNoProcesses: Plugin = {
  name: 'starts-no-processes',
  setup(bundle) {
    bundle.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('commander') ? { path: 'child_process', namespace: 'absent' } : null,
    );
    bundle.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = {};' }));
  },
};

// What is loaded late is initialised module by module, which takes the two hundred of typebox longer than validating a
// configuration does: twelve milliseconds. As one module, and without what nothing here calls, it is two.
const validationAsOne: Plugin = {
  name: 'validation-as-one',
  setup(bundle) {
    const path = 'typebox/schema';
    bundle.onResolve({ filter: /^typebox\/schema$/ }, () => ({ path, namespace: 'as-one' }));
    bundle.onLoad({ filter: /.*/, namespace: 'as-one' }, async () => {
      const { outputFiles } = await build({
        stdin: { contents: `export { Check, Errors } from '${path}';`, resolveDir: root },
        bundle: true,
        write: false,
        platform: 'node',
        target,
        format: 'esm',
      });
      return { contents: outputFiles[0]?.text ?? '', resolveDir: root };
    });
  },
};

// Looking a package up takes as long as loading it: the small ones that commands need often are part of the program.
// Others are loaded when a command needs them, from where npm put them.
const bundled = /^(?:commander|js-yaml)$/;

const packagesOutside: Plugin = {
  name: 'packages-outside',
  setup(bundle) {
    bundle.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || bundled.test(path) ? null : { path, external: true },
    );
  },
};

/** `import.meta.url` and `import.meta.dirname` as they are in the module's own compiled file. */
function ownPlaces(home: string, dist: string): Plugin {
  return {
    name: 'own-places',
    setup(bundle) {
      bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const compiled = join(dist, relative(root, path)).replace(/\.ts$/, '.js');
        const place = (target: string): string =>
          `require('node:path').join(__dirname, ${JSON.stringify(relative(home, target))})`;
        const contents = readFileSync(path, 'utf8')
          .replaceAll('import.meta.dirname', place(dirname(compiled)))
          .replaceAll('import.meta.url', `require('node:url').pathToFileURL(${place(compiled)}).href`);
        return { contents, loader: 'ts' };
      });
    },
  };
}
