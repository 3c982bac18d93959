import { type Builtins, plain } from './builtin.ts';
import { textOf } from './operands.ts';

export const globs: Builtins = {
  /** The characters that mean something in gobwas/glob get a backslash. */
  'glob.quote_meta': plain((pattern) => textOf(pattern).replace(/[*?\\[\]{}]/g, '\\$&')),
};
