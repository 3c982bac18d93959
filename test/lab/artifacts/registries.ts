/** Registries to speak with, and the client that fills them. */

import type { Recipe } from '../recipe.ts';
import { goBuild } from './go-build.ts';

function registryProgram(output: string, program: string): Recipe {
  return goBuild({ output, sources: 'registries', package: program, cgo: 'off' });
}

export const registries = {
  /** CNCF distribution, the reference implementation. Without the referrers API. */
  'registry/distribution': registryProgram('distribution', './distribution'),
  /** go-containerregistry's registry, with the referrers API of OCI distribution 1.1. */
  'registry/referrers': registryProgram('referrers', './referrers'),
  /** Pushes, pulls and copies images. */
  'registry/crane': registryProgram('crane', 'github.com/google/go-containerregistry/cmd/crane'),
} satisfies Record<string, Recipe>;
