/** Recipes that change a finished file. */

import { command, output, pathOf, type Recipe } from '../recipe.ts';

/** Without symbol table and debug information, as `strip` leaves it. */
export function stripped(of: Recipe): Recipe {
  return {
    output: of.output,
    sources: null,
    steps: [command('strip', ['-o', output, pathOf(of)])],
  };
}

/** Without a section header table: what the loader needs is all that is left. */
export function withoutSectionHeaders(of: Recipe): Recipe {
  return { output: of.output, sources: null, steps: [{ kind: 'without-section-headers', of }] };
}

/** The same bytes under another name. */
export function copied(of: Recipe, name: string): Recipe {
  return { output: name, sources: null, steps: [{ kind: 'copy', of }] };
}
