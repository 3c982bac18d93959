/** Makes what recipes describe, once, and keeps it under the hash of everything that went into it. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { lockUnless } from './build-lock.ts';
import { inputsOf, type Recipe, type Step } from './recipe.ts';
import { publish, sourceHash, stageSources } from './source-stage.ts';
import { runCommand, type Workplace } from './steps/command.ts';
import { makeDebianRoot } from './steps/debian-root.ts';
import { identifyLibraries, makeTree } from './steps/directory-tree.ts';
import { byteStepsRevision, copyBytes, writeFileBytes } from './steps/file-bytes.ts';
import { makeImageLayout } from './steps/image-layout.ts';
import { MissingTool, type Tool, toolBox } from './tools.ts';

export type Artifact =
  | {
      readonly available: true;
      readonly path: string;
      readonly origin: 'cache' | 'built';
      /** Seconds that the steps took; 0 when it came from the cache. */
      readonly seconds: number;
    }
  | {
      readonly available: false;
      /** One line that names what to install. */
      readonly reason: string;
    };

export interface WorkshopOptions {
  /** Directory that keeps what was built. */
  readonly cache?: string;
  /** Directories, separated by colons, in which compilers are looked for. */
  readonly searchPath?: string;
}

export interface Workshop {
  /**
   * The finished artifact of one recipe.
   *
   * @throws StepFailed when a program of the recipe fails. A missing program is no error but a value.
   */
  make(recipe: Recipe): Promise<Artifact>;
}

// Compilers use all the memory and processors they get; two at once fill a small machine.
const buildsAtOnce = 2;
const keyLength = 24;

/** `$ELFGATE_LAB_CACHE`, or `elfgate/lab` in the user's cache directory. */
export function defaultCache(): string {
  return (
    process.env.ELFGATE_LAB_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'elfgate', 'lab')
  );
}

export function workshop(options: WorkshopOptions = {}): Workshop {
  const cache = options.cache ?? defaultCache();
  const searchPath = options.searchPath ?? process.env.PATH ?? '';
  const tools = toolBox(searchPath, join(cache, 'tool-versions.json'));
  const keys = new Map<Recipe, Promise<string>>();
  const made = new Map<string, Promise<Artifact>>();
  const freeSlots: (() => void)[] = [];
  let busy = 0;

  const takeSlot = async (): Promise<void> => {
    if (busy >= buildsAtOnce) {
      await new Promise<void>((resume) => freeSlots.push(resume));
    } else {
      busy += 1;
    }
  };
  const giveSlot = (): void => {
    const next = freeSlots.shift();
    if (next === undefined) {
      busy -= 1;
    } else {
      next();
    }
  };

  const keyOf = (recipe: Recipe): Promise<string> => {
    const known = keys.get(recipe);
    if (known !== undefined) {
      return known;
    }
    const key = computeKey(recipe);
    keys.set(recipe, key);
    return key;
  };

  const computeKey = async (recipe: Recipe): Promise<string> => {
    const inputs = new Map<Recipe, string>();
    for (const input of inputsOf(recipe)) {
      inputs.set(input, await keyOf(input));
    }
    const identities: string[] = [];
    for (const tool of toolsOf(recipe)) {
      identities.push(...(await tools.identify(tool)));
    }
    const libraries = recipe.steps.flatMap((step) => (step.kind === 'tree' ? identifyLibraries(step) : []));
    // Other recipes are values inside of this one: their keys stand for them.
    const description = JSON.stringify(
      [recipe.output, recipe.sources, recipe.stagedAs, recipe.steps],
      (_, value) => inputs.get(value) ?? value,
    );
    return createHash('sha256')
      .update(
        JSON.stringify({
          description,
          sources: recipe.sources === null ? null : sourceHash(recipe.sources),
          identities,
          libraries,
          revisions: recipe.steps.some((step) => step.kind !== 'command') ? byteStepsRevision : null,
        }),
      )
      .digest('hex')
      .slice(0, keyLength);
  };

  const pathOf = (recipe: Recipe, key: string): string => join(cache, key, recipe.output);

  const build = async (recipe: Recipe, key: string): Promise<Artifact> => {
    const path = pathOf(recipe, key);
    const isDone = (): boolean => existsSync(join(cache, key));
    if (isDone()) {
      return { available: true, path, origin: 'cache', seconds: 0 };
    }
    const inputs = new Map<Recipe, string>();
    for (const input of inputsOf(recipe)) {
      const artifact = await make(input);
      if (!artifact.available) {
        return artifact;
      }
      inputs.set(input, artifact.path);
    }
    mkdirSync(cache, { recursive: true });
    const release = await lockUnless(join(cache, `${key}.lock`), isDone);
    if (release === null) {
      return { available: true, path, origin: 'cache', seconds: 0 };
    }
    await takeSlot();
    const started = performance.now();
    const temporary = join(cache, `.${key}.${process.pid}.${Math.random().toString(36).slice(2)}`);
    try {
      if (isDone()) {
        return { available: true, path, origin: 'cache', seconds: 0 };
      }
      removeAbandoned(cache, key);
      const result = join(temporary, 'result');
      const scratch = join(temporary, 'scratch');
      mkdirSync(result, { recursive: true });
      mkdirSync(scratch);
      const place: Workplace = {
        tools,
        searchPath,
        sources: recipe.sources === null ? scratch : stageSources(cache, recipe.sources, recipe.stagedAs),
        scratch,
        output: join(result, recipe.output),
        pathOf(input) {
          const inputPath = inputs.get(input);
          if (inputPath === undefined) {
            throw new Error(`${recipe.output}: ${input.output} was not made before it`);
          }
          return inputPath;
        },
      };
      for (const step of recipe.steps) {
        await runStep(step, place);
      }
      writeFileSync(join(result, 'recipe.json'), JSON.stringify(recipe, null, 2));
      publish(result, join(cache, key));
      return { available: true, path, origin: 'built', seconds: (performance.now() - started) / 1000 };
    } finally {
      rmSync(temporary, { recursive: true, force: true });
      release();
      giveSlot();
    }
  };

  const make = async (recipe: Recipe): Promise<Artifact> => {
    try {
      const key = await keyOf(recipe);
      const known = made.get(key);
      if (known !== undefined) {
        return await known;
      }
      const artifact = build(recipe, key);
      made.set(key, artifact);
      return await artifact;
    } catch (cause) {
      if (cause instanceof MissingTool) {
        return { available: false, reason: cause.message };
      }
      throw cause;
    }
  };

  return { make };
}

/** What a killed build of the same artifact left behind; the lock says that nobody works on it. */
function removeAbandoned(cache: string, key: string): void {
  for (const name of readdirSync(cache)) {
    if (name.startsWith(`.${key}.`)) {
      rmSync(join(cache, name), { recursive: true, force: true });
    }
  }
}

async function runStep(step: Step, place: Workplace): Promise<void> {
  switch (step.kind) {
    case 'command':
      return runCommand(step, place);
    case 'tree':
      return makeTree(step, place);
    case 'copy':
      return copyBytes(step, place);
    case 'debian-root':
      return makeDebianRoot(step, place);
    case 'image-layout':
      return makeImageLayout(step, place);
    default:
      return writeFileBytes(step, place);
  }
}

function toolsOf(recipe: Recipe): ReadonlySet<Tool> {
  return new Set(
    recipe.steps.flatMap((step): readonly Tool[] => {
      switch (step.kind) {
        case 'command':
          return [step.run, ...step.needs];
        case 'debian-root':
          return ['debootstrap'];
        case 'image-layout':
          return ['tar'];
        default:
          return [];
      }
    }),
  );
}
