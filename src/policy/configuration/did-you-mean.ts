/** The candidate that a mistyped name most likely stands for, or null when none is near. */
export function didYouMean(name: string, candidates: readonly string[]): string | null {
  // A third of the letters wrong is still a slip; more is another word.
  let nearest: { readonly candidate: string | null; readonly distance: number } = {
    candidate: null,
    distance: Math.max(2, Math.floor(name.length / 3)) + 1,
  };
  for (const candidate of candidates) {
    // `static-nss` for `libc/static-nss`: the family is what is forgotten.
    const distance = candidate.endsWith(`/${name}`) ? 0 : distanceOf(name.toLowerCase(), candidate.toLowerCase());
    if (distance < nearest.distance) {
      nearest = { candidate, distance };
    }
  }
  return nearest.candidate;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let distance = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        distance = Math.min(distance, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(distance);
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}
