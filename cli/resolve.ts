import { ElfgateError } from '../src/errors.ts';
import { directoryTree } from '../src/image/directory.ts';
import { LibraryShelf } from '../src/loader/library-closure/library-shelf.ts';
import { type Resolution, resolveFile } from '../src/loader/library-closure/resolution.ts';
import { renderFailure } from './failure.ts';
import { fileInRoot } from './file-in-root.ts';
import { usesColor, writeOutput } from './output.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface ResolveOptions extends SharedOptions {
  readonly root: string;
  readonly libraryPath?: string;
  readonly preload?: readonly string[];
  readonly hwcaps?: string;
}

/** `elfgate resolve FILE…`: the libraries that a loader would map, and what it would not find. */
export async function resolveCommand(
  files: readonly string[],
  options: ResolveOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const shelf = new LibraryShelf(directoryTree(options.root));
  const results: Resolution[] = [];
  let undecided = false;
  for (const name of files) {
    try {
      results.push(
        resolveFile(fileInRoot(name, options.root, shelf.root, surroundings), shelf, {
          ...(options.libraryPath === undefined ? {} : { libraryPath: options.libraryPath }),
          preload: options.preload ?? [],
          hwcaps: (options.hwcaps ?? '').split(/[:,]/).filter((hwcap) => hwcap !== ''),
        }),
      );
    } catch (error) {
      if (!(error instanceof ElfgateError)) {
        throw error;
      }
      undecided = true;
      const color = usesColor(options.color, surroundings.env, surroundings.stderr);
      surroundings.stderr.write(renderFailure(error, { color, debug: options.debug === true }));
    }
  }
  if (options.output === 'json') {
    await writeOutput(`${JSON.stringify({ results }, null, 2)}\n`, options, surroundings);
  } else {
    const { renderResolutions } = await import('./resolve-text.ts');
    const color = options.outputFile === undefined && usesColor(options.color, surroundings.env, surroundings.stdout);
    await writeOutput(renderResolutions(results, { color }), options, surroundings);
  }
  return undecided ? 2 : results.every(({ complete }) => complete) ? 0 : 1;
}
