/** The step that runs a compiler, a linker or another program. */

import { basename, dirname, join } from 'node:path';
import { runProgram } from '../process.ts';
import type { Argument, Command, Recipe } from '../recipe.ts';
import type { ToolBox } from '../tools.ts';
import { goEnvironment } from './go-environment.ts';

/** Where a recipe's steps find what they name. */
export interface Workplace {
  readonly tools: ToolBox;
  readonly searchPath: string;
  /** The staged sources, or an empty directory. */
  readonly sources: string;
  /** A directory for files between steps. */
  readonly scratch: string;
  readonly output: string;
  pathOf(recipe: Recipe): string;
}

// The first build with a toolchain downloads it and compiles the standard library.
const ordinaryMinutes = 10;
const lastLines = 30;

/** A program of a recipe failed: the recipe is wrong, or this machine's compiler is one that it does not know. */
export class StepFailed extends Error {}

/** @throws StepFailed @throws MissingTool */
export async function runCommand(step: Command, place: Workplace): Promise<void> {
  const args = step.arguments.map((argument) => resolveArgument(argument, place));
  const environment: Record<string, string> = {
    PATH: place.searchPath,
    LC_ALL: 'C',
    // Tools that note the date take this one, and two builds are the same.
    SOURCE_DATE_EPOCH: '0',
    ...(step.goToolchain === null ? {} : await goEnvironment(step.goToolchain, place.tools, place.searchPath)),
  };
  for (const [name, value] of Object.entries(step.environment)) {
    environment[name] = resolveArgument(value, place);
  }
  const minutes = step.minutes ?? ordinaryMinutes;
  const result = await runProgram(place.tools.locate(step.run), args, {
    environment,
    directory: place.sources,
    timeout: minutes * 60_000,
  });
  if (result.exitCode !== 0) {
    const how =
      result.killedFor === 'time' ? `took more than ${minutes} minutes` : `exit ${result.exitCode ?? result.signal}`;
    const said = `${result.stdout}${result.stderr}`.trimEnd().split('\n').slice(-lastLines).join('\n');
    throw new StepFailed(`${step.run} ${args.join(' ')}: ${how}\n${said}`);
  }
}

export function resolveArgument(argument: Argument, place: Workplace): string {
  if (typeof argument === 'string') {
    return argument;
  }
  switch (argument.place) {
    case 'output':
      return (argument.prefix ?? '') + place.output;
    case 'scratch':
      return (argument.prefix ?? '') + join(place.scratch, basename(argument.file));
    case 'artifact':
      return (argument.prefix ?? '') + place.pathOf(argument.of);
    case 'directory-of':
      return (argument.prefix ?? '') + dirname(place.pathOf(argument.of));
    case 'joined':
      return argument.parts.map((part) => resolveArgument(part, place)).join('');
  }
}
