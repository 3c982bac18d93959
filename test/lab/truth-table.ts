/** How often predictions of one class agreed with what happened. */

export const counted = ['sequences', 'steps', 'agrees', 'outcome', 'undecided', 'disagrees', 'notRun'] as const;

/**
 * `outcome`: it happens, and no text is claimed. `undecided`: the prediction does not claim to know, and does not say
 * `loads`. `notRun`: sequences that this machine cannot run.
 */
export type Counts = Record<(typeof counted)[number], number>;

export const none = (): Counts => ({
  sequences: 0,
  steps: 0,
  agrees: 0,
  outcome: 0,
  undecided: 0,
  disagrees: 0,
  notRun: 0,
});

/** One line of the table. */
export interface TruthClass {
  readonly about: string;
  readonly count: () => Promise<Counts>;
}

export const row = (cells: readonly (string | number)[]): string =>
  `${cells.map((cell, index) => (index === 0 ? String(cell).padEnd(72) : String(cell).padStart(10))).join('')}\n`;

const told = new Set<string>();

/** One line a reason: a missing emulator is the reason of a hundred sequences. */
export function notRun(about: string, reason: string): void {
  if (!told.has(reason)) {
    told.add(reason);
    process.stderr.write(`not run: ${about}: ${reason}\n`);
  }
}
