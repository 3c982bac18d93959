/** How the recipes of this folder call `go build`. */

import { type Argument, command, output, type Recipe } from '../recipe.ts';
import type { Tool } from '../tools.ts';

/** The toolchain of every artifact whose name does not say another one. */
export const defaultToolchain = '1.26.8';

export interface GoBuild {
  /** Name of the file to make. */
  readonly output: string;
  /** Folder below `sources/` that holds the module. */
  readonly sources: string;
  /** Package inside the module, such as `./host`. */
  readonly package: string;
  readonly mode?: 'exe' | 'pie' | 'plugin' | 'c-shared';
  readonly toolchain?: string;
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, Argument>>;
  readonly cgo?: 'on' | 'off';
  /** The C compiler, which need not be the one of the machine's own C library. */
  readonly compiler?: Tool;
  readonly stagedAs?: string;
  /** `large`: thousands of packages, which take all processors and up to an hour. */
  readonly size?: 'ordinary' | 'large';
}

export function goBuild(build: GoBuild): Recipe {
  const cgo = build.cgo ?? 'on';
  const compiler = build.compiler ?? 'gcc';
  const step = command(
    'go',
    [
      'build',
      // One package at a time: the workshop runs two builds already.
      ...(build.size === 'large' ? [] : ['-p=1']),
      '-buildvcs=false',
      ...(build.mode === undefined ? [] : [`-buildmode=${build.mode}`]),
      ...(build.flags ?? []),
      '-o',
      output,
      build.package,
    ],
    {
      CGO_ENABLED: cgo === 'on' ? '1' : '0',
      ...(cgo === 'on' ? { CC: compiler } : {}),
      ...build.environment,
    },
    cgo === 'on' ? [compiler] : [],
  );
  return {
    output: build.output,
    sources: build.sources,
    ...(build.stagedAs === undefined ? {} : { stagedAs: build.stagedAs }),
    steps: [
      {
        ...step,
        goToolchain: build.toolchain ?? defaultToolchain,
        ...(build.size === 'large' ? { minutes: 60 } : {}),
      },
    ],
  };
}
