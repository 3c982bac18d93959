import { unlessDamaged } from '../../errors.ts';
import type { KnownObject } from './library-shelf.ts';
import type { SymbolIndex } from './symbol-index.ts';
import { type Provider, undefinedIn } from './undefined-references.ts';

/** What was left of an object's references when they were looked up in certain others: plain data. */
export interface EarlyRemainder {
  /** What they were looked up in, by the numbers under which it was added: the object itself first. */
  readonly providers: readonly number[];
  readonly linker: 'glibc' | 'musl';
  /** As {@link undefinedIn} gives them. */
  readonly references: Uint32Array;
}

/**
 * Look-ups of one object, and of all of them. What takes more is left for when it is certain that somebody asks: those of a
 * Debian root with 1,400 objects take 620,000.
 */
const mostSteps = 200_000;
const mostStepsOfAll = 20_000_000;

interface Candidate {
  readonly number: number;
  readonly known: KnownObject;
}

/**
 * Looks references up before the root that they are in is complete: in the object itself and in the libraries of the names
 * that it needs. Where the loader takes others for these names in the end, what was found is not used.
 */
export class EarlyBinding {
  readonly #named = new Map<string, Candidate>();
  readonly #unbound: Candidate[] = [];
  /** Objects that need a library of which nothing was seen yet, by its name. */
  readonly #waiting = new Map<string, Candidate[]>();
  #stepsLeft = mostStepsOfAll;

  add(number: number, known: KnownObject): void {
    const candidate = { number, known };
    const { soname } = known.object;
    if (soname !== null && !this.#named.has(soname)) {
      this.#named.set(soname, candidate);
      for (const waiting of this.#waiting.get(soname) ?? []) {
        this.#unbound.push(waiting);
      }
      this.#waiting.delete(soname);
    }
    this.#unbound.push(candidate);
  }

  /** Binds the next object of which all libraries are there; `null` when there is none. */
  next(): EarlyRemainder | null {
    for (let next = this.#unbound.pop(); next !== undefined && this.#stepsLeft > 0; next = this.#unbound.pop()) {
      const providers = this.#providersOf(next);
      const remainder = providers === null ? null : this.#remainderOf(next.known, providers);
      if (remainder !== null) {
        return remainder;
      }
    }
    return null;
  }

  #providersOf(candidate: Candidate): readonly Candidate[] | null {
    const providers = new Set([candidate]);
    for (const name of candidate.known.object.needed) {
      this.#stepsLeft -= 1;
      const provider = this.#named.get(name);
      if (provider === undefined) {
        const waiting = this.#waiting.get(name);
        if (waiting === undefined) {
          this.#waiting.set(name, [candidate]);
        } else {
          waiting.push(candidate);
        }
        return null;
      }
      providers.add(provider);
    }
    return [...providers];
  }

  #remainderOf({ object, symbols }: KnownObject, providers: readonly Candidate[]): EarlyRemainder | null {
    const linker = object.needed.some((name) => name.startsWith('libc.musl-')) ? 'musl' : 'glibc';
    const named = providers.map((provider) => ({
      name: provider.known.object.soname ?? '',
      index: provider.known.symbols,
    }));
    const granted = Math.min(mostSteps, this.#stepsLeft);
    const effort = { left: granted, of: object.soname ?? '' };
    // What is wrong with one of them is said when it is bound for certain.
    const references = unlessDamaged(() => undefinedIn(symbols, named, linker, effort));
    this.#stepsLeft -= granted - effort.left;
    return references === null ? null : { providers: providers.map(({ number }) => number), linker, references };
  }
}

interface Remembered extends Pick<EarlyRemainder, 'linker' | 'references'> {
  readonly providers: readonly SymbolIndex[];
}

const remembered = new WeakMap<SymbolIndex, Remembered>();

/**
 * Has {@link boundEarly} know of a remainder, for as long as the symbols of the object are held.
 *
 * @param providers the symbols of those that the remainder names by their numbers.
 */
export function rememberRemainder(
  providers: readonly [SymbolIndex, ...SymbolIndex[]],
  { linker, references }: EarlyRemainder,
): void {
  remembered.set(providers[0], { linker, references, providers });
}

/** As {@link undefinedIn}, where a remainder of these very symbols is remembered; else `null`. */
export function boundEarly(
  symbols: SymbolIndex,
  providers: readonly Provider[],
  linker: 'glibc' | 'musl',
): Uint32Array | null {
  const known = remembered.get(symbols);
  return known !== undefined &&
    known.linker === linker &&
    known.providers.length === providers.length &&
    known.providers.every((provider, at) => provider === providers[at]?.index)
    ? known.references
    : null;
}
