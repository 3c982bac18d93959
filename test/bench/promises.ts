/**
 * Prints a promise with the figure that was measured, and makes the process fail when it does not hold.
 * `figure` names the ratio and both sides of it.
 */
export function promise(what: string, figure: string, promised: string, holds: boolean): void {
  if (!holds) {
    process.exitCode = 1;
  }
  process.stdout.write(`${holds ? '✔' : '✘'} ${what.padEnd(58)} ${figure.padEnd(44)} ${promised}\n`);
}

/** The same of what nothing is promised about, for comparison. */
export function comparison(what: string, figure: string): void {
  process.stdout.write(`· ${what.padEnd(58)} ${figure}\n`);
}
