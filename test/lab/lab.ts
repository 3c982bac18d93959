/**
 * The lab: real hosts, plugins, programs and libraries, built by the machine's own compilers when somebody asks.
 *
 * A test names what it needs, and gets a path or the reason why this machine cannot make it.
 */

import { bpfObjects } from './artifacts/bpf-objects.ts';
import { cLibraries } from './artifacts/c-libraries.ts';
import { cPrograms } from './artifacts/c-programs.ts';
import { clusters } from './artifacts/clusters.ts';
import { crossBuilds } from './artifacts/cross-builds.ts';
import { debianRoots } from './artifacts/debian-roots.ts';
import { goHosts } from './artifacts/go-hosts.ts';
import { goPlugins } from './artifacts/go-plugins.ts';
import { goPrograms } from './artifacts/go-programs.ts';
import { images } from './artifacts/images.ts';
import { peers } from './artifacts/peers.ts';
import { registries } from './artifacts/registries.ts';
import { roots } from './artifacts/roots.ts';
import { trust } from './artifacts/trust.ts';
import { wasmModules } from './artifacts/wasm-modules.ts';
import type { Recipe } from './recipe.ts';
import { type Artifact, workshop } from './workshop.ts';

export type { Artifact } from './workshop.ts';

const recipes = {
  ...goHosts,
  ...goPlugins,
  ...goPrograms,
  ...crossBuilds,
  ...cLibraries,
  ...cPrograms,
  ...roots,
  ...debianRoots,
  ...images,
  ...peers,
  ...registries,
  ...trust,
  ...bpfObjects,
  ...wasmModules,
  ...clusters,
} satisfies Record<string, Recipe>;

export type ArtifactName = keyof typeof recipes;

/** Paths of several artifacts, or the reason why one of them cannot be had. */
export type Paths<Name extends ArtifactName> =
  | { readonly available: true; readonly path: Readonly<Record<Name, string>> }
  | { readonly available: false; readonly reason: string };

export const artifactNames = Object.keys(recipes) as readonly ArtifactName[];

const shop = workshop();

export function isArtifactName(name: string): name is ArtifactName {
  return Object.hasOwn(recipes, name);
}

/** The recipe behind a name, for a workshop of one's own. */
export function recipeOf(name: ArtifactName): Recipe {
  return recipes[name];
}

/**
 * One artifact, built now if the cache does not have it.
 *
 * @throws StepFailed when the recipe itself fails.
 */
export function artifact(name: ArtifactName): Promise<Artifact> {
  return shop.make(recipes[name]);
}

/**
 * Several artifacts at once; what a test usually wants:
 *
 *     const lab = await artifacts(['go/host', 'go/plugin']);
 *     if (!lab.available) return t.log(lab.reason);
 *     lab.path['go/host']
 */
export async function artifacts<Name extends ArtifactName>(names: readonly Name[]): Promise<Paths<Name>> {
  const all = await Promise.all(names.map(async (name) => [name, await artifact(name)] as const));
  const path: Partial<Record<Name, string>> = {};
  for (const [name, each] of all) {
    if (!each.available) {
      return { available: false, reason: `${name}: ${each.reason}` };
    }
    path[name] = each.path;
  }
  return { available: true, path: path as Record<Name, string> };
}
