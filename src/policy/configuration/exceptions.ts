/** Lets findings of one rule pass for some targets until a day. */
export interface Exception {
  readonly rule: string;
  /** A pattern of targets: `*` stands for anything but a slash, `**` for anything. */
  readonly target: string;
  /** A pattern of paths within the target; null for all of them. */
  readonly path: string | null;
  readonly reason: string;
  readonly owner: string;
  /** The last day on which it holds, in UTC: `2027-01-31`. */
  readonly expires: string;
}

/** The exception that covers a finding on a day, or null. Of several, the one that holds longest. */
export function exceptionFor(
  finding: { readonly rule: string; readonly path: string },
  target: string,
  exceptions: readonly Exception[],
  today: Date,
): Exception | null {
  const day = today.toISOString().slice(0, 10);
  const covering = exceptions.filter(
    ({ rule, target: targets, path, expires }) =>
      rule === finding.rule &&
      day <= expires &&
      matchesPattern(targets, target) &&
      (path === null || matchesPattern(path, finding.path)),
  );
  return covering.toSorted((a, b) => (a.expires > b.expires ? -1 : a.expires < b.expires ? 1 : 0))[0] ?? null;
}

/** Whether a text of the form `2027-01-31` names a day that exists. */
export function isCalendarDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.valueOf()) && date.toISOString().startsWith(text);
}

/**
 * Whether a whole text follows a pattern. Takes time in the product of both lengths whatever they are: patterns come
 * from a configuration, but names of images and files come from anyone.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) {
    return pattern === text;
  }
  const tokens = pattern.match(/\*{2,}|[\s\S]/g) ?? [];
  // reached[i]: the tokens so far can end before character i.
  let reached = Array.from({ length: text.length + 1 }, (_, index) => index === 0);
  for (const token of tokens) {
    const wildcard = token.startsWith('*');
    const next: boolean[] = [];
    for (let index = 0; index <= text.length; index++) {
      const character = text[index - 1];
      next.push(
        wildcard
          ? reached[index] === true || (next[index - 1] === true && (token.length > 1 || character !== '/'))
          : reached[index - 1] === true && character === token,
      );
    }
    reached = next;
  }
  return reached[text.length] === true;
}
