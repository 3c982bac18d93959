import { BuiltinError } from './builtin.ts';

/** Nanoseconds. */
const unitSizes: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Hours of the units that OPA adds. */
const longUnits: Readonly<Record<string, number>> = { d: 24, w: 168, y: 8760 };

// The micro sign and the Greek letter, escaped: one character beyond Latin-1 doubles the memory of the whole bundle.
const segment = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h|d|w|y)/y;

/**
 * Nanoseconds of `1h30m`, as `time.ParseDuration` reads them, and of days, weeks and years.
 *
 * @throws BuiltinError for anything else, and for what 64 bits do not hold.
 */
export function parseDuration(text: string): bigint {
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') {
    return 0n;
  }
  let total = 0n;
  segment.lastIndex = 0;
  for (let at = 0; at < rest.length || at === 0; at = segment.lastIndex) {
    const [, digits, unit] = segment.exec(rest) ?? [];
    if (digits === undefined || unit === undefined) {
      throw new BuiltinError(`invalid duration ${JSON.stringify(text)}`);
    }
    total += amount(digits, unit);
  }
  const signed = sign === '-' ? -total : total;
  if (BigInt.asIntN(64, signed) !== signed) {
    throw new BuiltinError(`invalid duration ${JSON.stringify(text)}`);
  }
  return signed;
}

function amount(digits: string, unit: string): bigint {
  const hours = longUnits[unit];
  if (hours !== undefined) {
    return amount(String(Number(digits) * hours), 'h');
  }
  const size = unitSizes[unit] ?? 0n;
  const [whole = '', fraction = ''] = digits.split('.');
  // As Go does it: the fraction is a double.
  const part = fraction === '' ? 0n : BigInt(Math.trunc(Number(fraction) * (Number(size) / 10 ** fraction.length)));
  return BigInt(whole === '' ? 0 : whole) * size + part;
}
