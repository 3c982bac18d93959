/**
 * A recipe says how one artifact is made, as plain data: it can be hashed, listed and built.
 *
 * A recipe refers to another one by value, so that there is no name to mistype and no order to keep.
 */

import type { Tool } from './tools.ts';

export interface Recipe {
  /** Name of the file or directory that the recipe makes. */
  readonly output: string;
  /** Folder below `sources/` in which the steps run; null when they read no source. */
  readonly sources: string | null;
  /**
   * Suffix of the staged source folder. Go writes the folder of a package into its link hash, so the same sources in
   * another folder are another variant.
   */
  readonly stagedAs?: string;
  readonly steps: readonly Step[];
}

export type Step = Command | ByteStep | TreeStep | CopyStep | DebianStep | ImageLayoutStep;

/** Runs one program, with the staged sources as its working directory. */
export interface Command {
  readonly kind: 'command';
  readonly run: Tool;
  readonly arguments: readonly Argument[];
  readonly environment: Readonly<Record<string, Argument>>;
  /** What the program calls in its turn or must be able to do. */
  readonly needs: readonly Tool[];
  /** Version of the Go toolchain, such as `1.26.8`; null for every other program. */
  readonly goToolchain: string | null;
  /** Of a program that may take longer than others. */
  readonly minutes?: number;
}

/** Writes bytes: given ones, or those of another file after one change. */
export type ByteStep =
  | { readonly kind: 'write-bytes'; readonly bytes: readonly number[] }
  | { readonly kind: 'without-section-headers'; readonly of: Recipe }
  | { readonly kind: 'as-bpf-object'; readonly of: Argument };

/** Makes a directory tree; the keys are paths inside of it. Of an artifact that is a directory, `file` is taken. */
export interface TreeStep {
  readonly kind: 'tree';
  readonly entries: Readonly<Record<string, TreeEntry>>;
}

export type TreeEntry =
  | { readonly text: string }
  /** A library of the machine that builds, found by its file name. */
  | { readonly library: string }
  | { readonly artifact: Recipe; readonly file?: string }
  | { readonly link: string }
  | { readonly directory: true };

/** Makes the root file system of a Debian release, from the mirror that the machine itself uses. */
export interface DebianStep {
  readonly kind: 'debian-root';
  readonly suite: string;
  readonly packages: readonly string[];
}

/** Makes an image in an OCI layout: each directory becomes a layer, compressed by gzip, from the lowest on. */
export interface ImageLayoutStep {
  readonly kind: 'image-layout';
  readonly layers: readonly Recipe[];
  readonly entrypoint: readonly string[];
  /** `NAME=VALUE` */
  readonly environment: readonly string[];
}

/** The same bytes under another name. */
export interface CopyStep {
  readonly kind: 'copy';
  readonly of: Recipe;
}

/** One argument of a command. Paths are known only at build time and stay out of the hash. */
export type Argument =
  | string
  /** The file that the recipe makes. */
  | { readonly place: 'output'; readonly prefix?: string }
  /** A file between two steps, thrown away afterwards. */
  | { readonly place: 'scratch'; readonly file: string; readonly prefix?: string }
  /** What another recipe makes, or the directory in which it lies. */
  | { readonly place: 'artifact' | 'directory-of'; readonly of: Recipe; readonly prefix?: string }
  /** Several arguments that make one word, such as an environment variable's value. */
  | { readonly place: 'joined'; readonly parts: readonly Argument[] };

export const output: Argument = { place: 'output' };

export function scratch(file: string): Argument {
  return { place: 'scratch', file };
}

/** The path of what another recipe makes. */
export function pathOf(of: Recipe, prefix = ''): Argument {
  return { place: 'artifact', of, prefix };
}

/** The directory of what another recipe makes, for `-L` and `-rpath`. */
export function directoryOf(of: Recipe, prefix = ''): Argument {
  return { place: 'directory-of', of, prefix };
}

export function joined(...parts: readonly Argument[]): Argument {
  return { place: 'joined', parts };
}

/** A step that runs `tool` with `args`. */
export function command(
  run: Tool,
  args: readonly Argument[],
  environment: Readonly<Record<string, Argument>> = {},
  needs: readonly Tool[] = [],
): Command {
  return { kind: 'command', run, arguments: args, environment, needs, goToolchain: null };
}

/** Every recipe that must be made before this one. */
export function inputsOf(recipe: Recipe): readonly Recipe[] {
  return recipe.steps.flatMap(inputsOfStep);
}

function inputsOfStep(step: Step): readonly Recipe[] {
  switch (step.kind) {
    case 'command':
      return [...step.arguments, ...Object.values(step.environment)].flatMap(inputsOfArgument);
    case 'tree':
      return Object.values(step.entries).flatMap((entry) => ('artifact' in entry ? [entry.artifact] : []));
    case 'image-layout':
      return step.layers;
    case 'as-bpf-object':
      return inputsOfArgument(step.of);
    case 'without-section-headers':
    case 'copy':
      return [step.of];
    case 'write-bytes':
    case 'debian-root':
      return [];
  }
}

function inputsOfArgument(argument: Argument): readonly Recipe[] {
  if (typeof argument === 'string') {
    return [];
  }
  switch (argument.place) {
    case 'artifact':
    case 'directory-of':
      return [argument.of];
    case 'joined':
      return argument.parts.flatMap(inputsOfArgument);
    default:
      return [];
  }
}
