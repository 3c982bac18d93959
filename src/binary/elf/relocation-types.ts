import { EM } from './names.ts';

/** The numbers of relocations, R_*, that a loader treats in a way of their own. */
export interface RelocationTypes {
  /** R_*_COPY, which fills a program's own copy of a library's data, as many bytes as a symbol claims to have. */
  readonly copy: number;
  /** R_*_RELATIVE; `null` where it was not looked up. */
  readonly relative: number | null;
  /** Types whose value is that of a symbol, so that there has to be one. */
  readonly symbolic: ReadonlySet<number>;
  /** The highest number that is given to one for the run-time linker; infinite where it was not looked up. */
  readonly highest: number;
  /** All that the run-time linker knows; `null` where only the highest is known. */
  readonly all: ReadonlySet<number> | null;
}

// The processor supplements of the ABI; all of them only for the processors on which loading was measured.
const byMachine: ReadonlyMap<number, RelocationTypes> = new Map([
  [
    EM.x86_64,
    {
      copy: 5,
      relative: 8,
      symbolic: new Set([1, 6, 7]),
      highest: 42,
      all: new Set([0, 1, 2, 5, 6, 7, 8, 10, 16, 17, 18, 24, 36, 37, 38]),
    },
  ],
  [EM.aarch64, { copy: 1024, relative: 1027, symbolic: new Set([257, 1025, 1026]), highest: 1032, all: null }],
  [EM.s390, { copy: 9, relative: 12, symbolic: new Set([22, 10, 11]), highest: 61, all: null }],
  [3, { ...onlyCopy(5), highest: 43 }],
  [2, onlyCopy(19)],
  [4, onlyCopy(19)],
  [EM.mips, onlyCopy(126)],
  [20, onlyCopy(19)],
  [21, onlyCopy(19)],
  [40, onlyCopy(20)],
  [EM.sparcv9, onlyCopy(19)],
  [243, onlyCopy(4)],
  [258, onlyCopy(4)],
]);

/** `null` for a machine of which none is known. */
export function relocationTypes(machine: number): RelocationTypes | null {
  return byMachine.get(machine) ?? null;
}

function onlyCopy(copy: number): RelocationTypes {
  return { copy, relative: null, symbolic: new Set(), highest: Number.POSITIVE_INFINITY, all: null };
}
