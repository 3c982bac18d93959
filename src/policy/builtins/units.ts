import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { textOf } from './operands.ts';
import { ExactNumber } from './plain-value.ts';

/** Amounts with units, as Kubernetes and disks write them: `10Gi`, `100m`, `2.5kb`. */
export const units: Builtins = {
  'units.parse': plain(parseUnits),
  'units.parse_bytes': plain(parseBytes),
};

const letters = ['k', 'm', 'g', 't', 'p', 'e'];
const powers = new Map<string, bigint>([
  ['', 1n],
  ...letters.flatMap((letter, index): [string, bigint][] => [
    [letter, 1000n ** BigInt(index + 1)],
    [`${letter}i`, 1024n ** BigInt(index + 1)],
  ]),
]);

function parseUnits(operand: unknown): ExactNumber {
  const { amount, unit } = amountAndUnit(textOf(operand).replaceAll('"', ''));
  // After the first letter case means nothing; `m` and `M` differ.
  if (unit === 'm') {
    // The fraction that a double has for 0.001, as OPA multiplies by it.
    return decimal({ numerator: amount.numerator * 1152921504606847n, denominator: amount.denominator * 2n ** 60n });
  }
  const power = powers.get(unit.toLowerCase());
  if (power === undefined) {
    throw new BuiltinError(`unit ${unit} not recognized`);
  }
  return decimal({ numerator: amount.numerator * power, denominator: amount.denominator });
}

function parseBytes(operand: unknown): bigint {
  const { amount, unit } = amountAndUnit(textOf(operand).toLowerCase().replaceAll('"', ''));
  const power = powers.get(unit.replace(/b$/, ''));
  if (power === undefined || unit === 'b') {
    throw new BuiltinError(`byte unit ${unit} not recognized`);
  }
  return (amount.numerator * power) / amount.denominator;
}

interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** An exponent of more digits would make a number that fills the memory. */
const exponentDigitsAtMost = 6;
const amountFirst = /^((?:[\d.]|e(?=[\d+-])[+-]?|[+-])*)(.*)$/is;

function amountAndUnit(text: string): { readonly amount: Fraction; readonly unit: string } {
  if (text.includes(' ')) {
    throw new BuiltinError('spaces not allowed in resource strings');
  }
  const [, number = '', unit = ''] = amountFirst.exec(text) ?? [];
  if (number === '') {
    throw new BuiltinError('no amount provided');
  }
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(number) ?? [];
  if (sign === undefined || whole + fraction === '' || exponent.replace(/^[+-]/, '').length > exponentDigitsAtMost) {
    throw new BuiltinError('could not parse amount to a number');
  }
  const scale = Number(exponent) - fraction.length;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  return {
    amount: {
      numerator: digits * 10n ** BigInt(Math.max(0, scale)),
      denominator: 10n ** BigInt(Math.max(0, -scale)),
    },
    unit,
  };
}

/** An integer, or ten digits after the point, half rounded up: `big.Rat.FloatString(10)`. */
function decimal({ numerator, denominator }: Fraction): ExactNumber {
  if (numerator % denominator === 0n) {
    return new ExactNumber(String(numerator / denominator));
  }
  const magnitude = numerator < 0n ? -numerator : numerator;
  const scaled = (magnitude * 10n ** 10n * 2n + denominator) / (denominator * 2n);
  const digits = scaled.toString().padStart(11, '0');
  return new ExactNumber(`${numerator < 0n ? '-' : ''}${digits.slice(0, -10)}.${digits.slice(-10)}`);
}
