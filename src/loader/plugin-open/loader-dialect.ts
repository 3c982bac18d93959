import type { SymbolReference } from './symbol-reference.ts';

/** How one C library's loader words its refusals; `null` for a text that depends on more than the file. */
export interface LoaderDialect {
  readonly kind: 'glibc' | 'musl';
  undefinedSymbol(object: string, reference: SymbolReference): string;
  libraryNotFound(library: string, neededBy: string): string;
  /** What dlsym says about a name that the object does not define. */
  noSuchSymbol(object: string, name: string): string;
}

/** glibc's `elf/dl-open.c`, `dl-load.c`, `dl-lookup.c` and `dlerror.c`. */
const glibc: LoaderDialect = {
  kind: 'glibc',
  undefinedSymbol: (object, { name, version }) =>
    `${object}: undefined symbol: ${name}${version === null ? '' : `, version ${version}`}`,
  libraryNotFound: (library) => `${library}: cannot open shared object file: No such file or directory`,
  noSuchSymbol: (object, name) => `${object}: undefined symbol: ${name}`,
};

/** musl's `ldso/dynlink.c`. */
const musl: LoaderDialect = {
  kind: 'musl',
  undefinedSymbol: (object, { name }) => `Error relocating ${object}: ${name}: symbol not found`,
  libraryNotFound: (library, neededBy) =>
    `Error loading shared library ${library}: No such file or directory (needed by ${neededBy})`,
  noSuchSymbol: (_object, name) => `Symbol not found: ${name}`,
};

/** The loader that a program names in PT_INTERP. */
export function dialectOf(interpreter: string | null): LoaderDialect {
  return interpreter !== null && /\/ld-musl-[^/]*$/.test(interpreter) ? musl : glibc;
}
