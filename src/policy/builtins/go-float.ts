/**
 * A number as `strconv.AppendFloat` writes it. JavaScript's own `toFixed` and `toExponential` round ties up, Go
 * rounds them to even; the shortest form of a number has the same digits in both.
 *
 * @param precision digits after the point for `e` and `f`, significant digits for `g`; -1 for the fewest that read
 * back as the same number.
 */
export function formatFloat(value: number, verb: 'e' | 'f' | 'g', precision: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const magnitude = Math.abs(value);
  switch (verb) {
    case 'e':
      return sign + exponential(precision < 0 ? shortest(magnitude) : rounded(magnitude, precision + 1));
    case 'f':
      return sign + (precision < 0 ? plain(shortest(magnitude)) : fixed(magnitude, precision));
    case 'g': {
      const digits = precision < 0 ? shortest(magnitude) : rounded(magnitude, Math.max(1, precision));
      const significant = digits.digits.replace(/0+$/, '') || '0';
      const trimmed = { digits: significant, exponent: digits.exponent };
      // ftoa.go: %e is used from this exponent on; the shortest form decides as if six digits had been asked for.
      const threshold = precision < 0 ? 6 : Math.max(1, precision);
      return sign + (digits.exponent < -4 || digits.exponent >= threshold ? exponential(trimmed) : plain(trimmed));
    }
  }
}

/** `d.ddd × 10^exponent`, the point left out. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

function shortest(magnitude: number): Decimal {
  const [mantissa = '0', exponent = '0'] = magnitude.toExponential().split('e');
  return { digits: mantissa.replace('.', ''), exponent: Number(exponent) };
}

function rounded(magnitude: number, digits: number): Decimal {
  if (magnitude === 0) {
    return { digits: '0'.repeat(digits), exponent: 0 };
  }
  const { exponent } = shortest(magnitude);
  for (const guess of [exponent, exponent + 1]) {
    const text = scaled(magnitude, digits - 1 - guess).toString();
    if (text.length <= digits) {
      return { digits: text, exponent: guess };
    }
  }
  throw new RangeError(`${magnitude} cannot be rounded to ${digits} digits`);
}

function fixed(magnitude: number, precision: number): string {
  const text = scaled(magnitude, precision)
    .toString()
    .padStart(precision + 1, '0');
  return precision === 0 ? text : `${text.slice(0, -precision)}.${text.slice(-precision)}`;
}

/** `magnitude × 10^power`, rounded half to even. */
function scaled(magnitude: number, power: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, magnitude);
  const raw = bits.getBigUint64(0);
  const biased = Number(raw >> 52n);
  const fraction = raw & 0xf_ffff_ffff_ffffn;
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const binary = (biased === 0 ? 1 : biased) - 1075;
  const numerator = mantissa * 2n ** BigInt(Math.max(0, binary)) * 10n ** BigInt(Math.max(0, power));
  const denominator = 2n ** BigInt(Math.max(0, -binary)) * 10n ** BigInt(Math.max(0, -power));
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

function exponential({ digits, exponent }: Decimal): string {
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function plain({ digits, exponent }: Decimal): string {
  if (exponent < 0) {
    return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  }
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
