import { type Builtins, plain } from './builtin.ts';

export const semver: Builtins = {
  'semver.compare': plain(compareSemver),
  'semver.is_valid': plain(isValidSemver),
};

/**
 * `semver.is_valid`: a version of semver.org 2.0.0; a leading `v` is allowed, as in OPA.
 *
 * Go's own versions (`go1.26.8`) and GNU symbol versions (`GLIBC_2.34`) are none.
 */
function isValidSemver(version: unknown): boolean {
  return typeof version === 'string' && parse(version) !== null;
}

/** `semver.compare`: -1, 0 or 1; undefined when either is no version. Build metadata is left out of account. */
function compareSemver(a: unknown, b: unknown): number | undefined {
  const left = typeof a === 'string' ? parse(a) : null;
  const right = typeof b === 'string' ? parse(b) : null;
  if (left === null || right === null) {
    return undefined;
  }
  for (const [index, number] of left.numbers.entries()) {
    const other = right.numbers[index] ?? 0n;
    if (number !== other) {
      return number < other ? -1 : 1;
    }
  }
  return comparePreReleases(left.preRelease, right.preRelease);
}

interface Semver {
  readonly numbers: readonly bigint[];
  /** Empty for a release. */
  readonly preRelease: readonly string[];
}

const number = '(0|[1-9]\\d*)';
const identifiers = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const pattern = new RegExp(`^v?${number}\\.${number}\\.${number}(?:-(${identifiers}))?(?:\\+${identifiers})?$`);
/** OPA keeps the three numbers in 64 bits. */
const numberAtMost = 2n ** 63n - 1n;

function parse(version: string): Semver | null {
  const match = pattern.exec(version);
  if (match === null) {
    return null;
  }
  const [, major = '', minor = '', patch = '', preRelease] = match;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)];
  const identifiers = preRelease?.split('.') ?? [];
  const valid = numbers.every((n) => n <= numberAtMost) && !identifiers.some((id) => /^0\d+$/.test(id));
  return valid ? { numbers, preRelease: identifiers } : null;
}

/** Paragraph 11 of the specification. */
function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  // A release comes after its own pre-releases.
  if (a.length === 0 || b.length === 0) {
    return Math.sign(b.length - a.length);
  }
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) {
      return 1;
    }
    const order = compareIdentifiers(left, right);
    if (order !== 0) {
      return order;
    }
  }
  return a.length < b.length ? -1 : 0;
}

function compareIdentifiers(a: string, b: string): number {
  const numeric = [a, b].map((identifier) => /^\d+$/.test(identifier));
  if (numeric[0] && numeric[1]) {
    const [left, right] = [BigInt(a), BigInt(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (numeric[0] !== numeric[1]) {
    return numeric[0] ? -1 : 1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
