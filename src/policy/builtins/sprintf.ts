import { type Builtins, rego } from './builtin.ts';
import { formatFloat } from './go-float.ts';
import { canBackquote, quote, quoteCharacter } from './go-quote.ts';
import { type RegoValue, regoText } from './rego-value.ts';

export const formatting: Builtins = {
  sprintf: rego((format, operands) => {
    const text = sprintf(format, operands);
    return text === undefined ? undefined : { type: 'string', value: text };
  }),
};

/**
 * `sprintf` as OPA has it: Go's `fmt.Sprintf` over integers, floating-point numbers and strings, everything else
 * being shown as Rego text first (so `%t` of a boolean is `%!t(string=true)`, as in OPA). Undefined when the operands
 * are not a string and an array.
 *
 * A port of `fmt/print.go` and `fmt/format.go` of Go 1.26. The policy's messages must read the same in `opa test`
 * and in compiled Wasm.
 *
 * Differs where Go shows addresses: `%p` and `%w` of integers beyond 64 bits.
 *
 * @throws Error for `%b` and `%x` of numbers with a fraction, which nobody asks for: loud rather than different.
 */
function sprintf(format: RegoValue | undefined, operands: RegoValue | undefined): string | undefined {
  if (format?.type !== 'string' || operands?.type !== 'array') {
    return undefined;
  }
  return print(format.value, operands.items.map(argumentOf));
}

type Argument =
  | { readonly type: 'int64'; readonly value: bigint }
  | { readonly type: '*big.Int'; readonly value: bigint }
  | { readonly type: 'float64'; readonly value: number }
  | { readonly type: 'string'; readonly value: string };

interface Flags {
  sharp: boolean;
  zero: boolean;
  plus: boolean;
  minus: boolean;
  space: boolean;
  /** `%#v` and `%+v` set these instead of `sharp` and `plus`. */
  sharpV: boolean;
  plusV: boolean;
  width: number | null;
  precision: number | null;
}

/** Characters. `tooLarge` of print.go: wider fields are taken for mistakes. */
const widthAtMost = 1_000_000;

function argumentOf(value: RegoValue): Argument {
  if (value.type === 'string') {
    return { type: 'string', value: value.value };
  }
  if (value.type !== 'number') {
    return { type: 'string', value: regoText(value) };
  }
  if (/[.eE]/.test(value.digits)) {
    const number = Number(value.digits);
    return Number.isFinite(number) ? { type: 'float64', value: number } : { type: 'string', value: value.digits };
  }
  return integerOf(BigInt(value.digits));
}

function integerOf(value: bigint): Argument {
  return BigInt.asIntN(64, value) === value ? { type: 'int64', value } : { type: '*big.Int', value };
}

function print(format: string, operands: readonly Argument[]): string {
  let printed = '';
  let at = 0;
  let next = 0;
  let reordered = false;
  let good = true;

  /** `[n]` in the format makes the nth operand the next one; whether there was one, if only of a missing operand. */
  const takesIndex = (): boolean => {
    if (format[at] !== '[') {
      return false;
    }
    reordered = true;
    const close = format.length - at < 3 ? -1 : format.indexOf(']', at + 1);
    const digits = format.slice(at + 1, close);
    const isNumber = close >= 0 && /^\d+$/.test(digits) && Number(digits) <= 10 * widthAtMost;
    at = close < 0 ? at + 1 : close + 1;
    if (isNumber && Number(digits) >= 1 && Number(digits) <= operands.length) {
      next = Number(digits) - 1;
    } else {
      good = false;
    }
    return isNumber;
  };
  const readNumber = (): number | null => {
    let number: number | null = null;
    for (let digit = format.charCodeAt(at) - 48; digit >= 0 && digit <= 9; digit = format.charCodeAt(at) - 48) {
      if (number !== null && number > widthAtMost) {
        at = format.length;
        return null;
      }
      number = (number ?? 0) * 10 + digit;
      at++;
    }
    return number;
  };
  const takeInteger = (): number | null => {
    const operand = operands[next];
    if (operand === undefined) {
      return null;
    }
    next++;
    return operand.type === 'int64' && Math.abs(Number(operand.value)) <= widthAtMost ? Number(operand.value) : null;
  };

  while (at < format.length) {
    const percent = format.indexOf('%', at);
    printed += format.slice(at, percent < 0 ? undefined : percent);
    if (percent < 0) {
      break;
    }
    at = percent + 1;

    const flags: Flags = { ...noFlags };
    for (let flag = flagOf[format[at] ?? '']; flag !== undefined; flag = flagOf[format[at] ?? '']) {
      flags[flag] = true;
      at++;
    }

    good = true;
    let afterIndex = takesIndex();
    if (format[at] === '*') {
      at++;
      flags.width = takeInteger();
      if (flags.width === null) {
        printed += '%!(BADWIDTH)';
      } else if (flags.width < 0) {
        flags.width = -flags.width;
        flags.minus = true;
        flags.zero = false;
      }
      afterIndex = false;
    } else {
      flags.width = readNumber();
      good &&= !(afterIndex && flags.width !== null);
    }

    if (format[at] === '.' && at + 1 < format.length) {
      at++;
      good &&= !afterIndex;
      afterIndex = takesIndex();
      if (format[at] === '*') {
        at++;
        const precision = takeInteger();
        flags.precision = precision !== null && precision >= 0 ? precision : null;
        if (flags.precision === null) {
          printed += '%!(BADPREC)';
        }
        afterIndex = false;
      } else {
        flags.precision = readNumber() ?? 0;
      }
    }
    if (!afterIndex) {
      takesIndex();
    }
    const verb = String.fromCodePoint(format.codePointAt(at) ?? 0);
    if (at >= format.length) {
      printed += '%!(NOVERB)';
      break;
    }
    at += verb.length;

    const operand = operands[next];
    if (verb === '%') {
      printed += '%';
    } else if (!good) {
      printed += `%!${verb}(BADINDEX)`;
    } else if (operand === undefined) {
      printed += `%!${verb}(MISSING)`;
    } else {
      if (verb === 'v' || verb === 'w') {
        [flags.sharpV, flags.sharp] = [flags.sharp, false];
        [flags.plusV, flags.plus] = [flags.plus, false];
      }
      printed += formatted(operand, verb, flags);
      next++;
    }
  }
  if (!reordered && next < operands.length) {
    const extra = operands.slice(next).map((operand) => `${operand.type}=${formatted(operand, 'v', noFlags)}`);
    printed += `%!(EXTRA ${extra.join(', ')})`;
  }
  return printed;
}

const noFlags: Flags = {
  sharp: false,
  zero: false,
  plus: false,
  minus: false,
  space: false,
  sharpV: false,
  plusV: false,
  width: null,
  precision: null,
};

const flagOf: Readonly<Record<string, 'sharp' | 'zero' | 'plus' | 'minus' | 'space'>> = {
  '#': 'sharp',
  '0': 'zero',
  '+': 'plus',
  '-': 'minus',
  ' ': 'space',
};

function formatted(operand: Argument, verb: string, flags: Flags): string {
  if (verb === 'T') {
    return padded(truncated(operand.type, flags), flags);
  }
  switch (operand.type) {
    case 'string':
      return formattedString(operand, verb, flags);
    case 'float64':
      return formattedFloat(operand, verb, flags);
    case 'int64':
      return formattedInteger(operand, verb, flags);
    case '*big.Int':
      return formattedBigInteger(operand.value, verb, flags);
  }
}

function badVerb(operand: Argument, verb: string, flags: Flags): string {
  return `%!${verb}(${operand.type}=${formatted(operand, 'v', flags)})`;
}

function formattedString(operand: Argument & { type: 'string' }, verb: string, flags: Flags): string {
  const { value } = operand;
  switch (verb) {
    case 'v':
      return flags.sharpV ? quoted(value, flags) : padded(truncated(value, flags), flags);
    case 's':
      return padded(truncated(value, flags), flags);
    case 'q':
      return quoted(value, flags);
    case 'x':
      return hexadecimal(value, flags);
    case 'X':
      return hexadecimal(value, flags).toUpperCase();
    default:
      return badVerb(operand, verb, flags);
  }
}

function quoted(value: string, flags: Flags): string {
  const text = truncated(value, flags);
  if (flags.sharp && canBackquote(text)) {
    return padded(`\`${text}\``, flags);
  }
  return padded(quote(text, flags.plus ? 'ascii' : 'printable'), flags);
}

function hexadecimal(value: string, flags: Flags): string {
  const bytes = [...Buffer.from(value).subarray(0, flags.precision ?? undefined)];
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, '0'));
  const prefix = flags.sharp && bytes.length > 0 ? '0x' : '';
  return padded(prefix + digits.join(flags.space ? ` ${prefix}` : ''), flags);
}

function formattedInteger(operand: Argument & { type: 'int64' }, verb: string, flags: Flags): string {
  const { value } = operand;
  switch (verb) {
    case 'v':
    case 'd':
      return integer(value, 10, '', flags);
    case 'b':
      return integer(value, 2, flags.sharp ? '0b' : '', flags);
    case 'o':
      return integer(value, 8, flags.sharp ? '0' : '', flags);
    case 'O':
      return integer(value, 8, flags.sharp ? '0o0' : '0o', flags);
    case 'x':
      return integer(value, 16, flags.sharp ? '0x' : '', flags);
    case 'X':
      return integer(value, 16, flags.sharp ? '0x' : '', flags).toUpperCase();
    case 'c':
      return padded(character(value), flags);
    case 'q':
      return padded(quoteCharacter(character(value), flags.plus ? 'ascii' : 'printable'), flags);
    default:
      return badVerb(operand, verb, flags);
  }
}

function character(code: bigint): string {
  const isCharacter = code >= 0n && code <= 0x10ffffn && !(code >= 0xd800n && code <= 0xdfffn);
  return isCharacter ? String.fromCodePoint(Number(code)) : '\ufffd';
}

function integer(value: bigint, base: number, prefix: string, flags: Flags): string {
  const withSpaces = { ...flags, zero: false };
  if (flags.precision === 0 && value === 0n) {
    return ' '.repeat(flags.width ?? 0);
  }
  const sign = value < 0n ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  let leastDigits = flags.precision ?? 0;
  if (flags.precision === null && flags.zero && !flags.minus && flags.width !== null) {
    leastDigits = flags.width - sign.length;
  }
  const digits = (value < 0n ? -value : value).toString(base).padStart(leastDigits, '0');
  // `%#o` puts one zero in front, unless there is one.
  const octalZero = base === 8 && prefix.endsWith('0') && digits.startsWith('0');
  return padded(sign + (octalZero ? prefix.slice(0, -1) : prefix) + digits, withSpaces);
}

/** `big.Int.Format`, which differs from fmt in small ways. */
function formattedBigInteger(value: bigint, verb: string, flags: Flags): string {
  const bases: Readonly<Record<string, number>> = { b: 2, o: 8, O: 8, d: 10, s: 10, v: 10, x: 16, X: 16 };
  const prefixes: Readonly<Record<string, string>> = { b: '0b', o: '0', x: '0x', X: '0X' };
  const base = bases[verb];
  if (base === undefined) {
    return verb === 'p' ? '%!p(*big.Int)' : `%!${verb}(big.Int=${value})`;
  }
  const sign = value < 0n ? '-' : flags.plus || flags.plusV ? '+' : flags.space ? ' ' : '';
  const prefix = verb === 'O' ? '0o' : flags.sharp || flags.sharpV ? (prefixes[verb] ?? '') : '';
  let digits = (value < 0n ? -value : value).toString(base).padStart(flags.precision ?? 0, '0');
  if (verb === 'X') {
    digits = digits.toUpperCase();
  }
  const room = (flags.width ?? 0) - sign.length - prefix.length;
  if (flags.zero && !flags.minus && flags.precision === null) {
    digits = digits.padStart(room, '0');
  }
  return padded(sign + prefix + digits, { ...flags, zero: false });
}

function formattedFloat(operand: Argument & { type: 'float64' }, verb: string, flags: Flags): string {
  const { value } = operand;
  switch (verb) {
    case 'v':
    case 'g':
      return float(value, 'g', flags.precision ?? -1, flags);
    case 'G':
      return float(value, 'g', flags.precision ?? -1, flags).toUpperCase();
    case 'f':
    case 'F':
      return float(value, 'f', flags.precision ?? 6, flags);
    case 'e':
      return float(value, 'e', flags.precision ?? 6, flags);
    case 'E':
      return float(value, 'e', flags.precision ?? 6, flags).toUpperCase();
    case 'b':
    case 'x':
    case 'X':
      throw new Error(`%${verb} of the number ${value}, which has a fraction or an exponent, is not offered`);
    default:
      return badVerb(operand, verb, flags);
  }
}

function float(value: number, verb: 'e' | 'f' | 'g', precision: number, flags: Flags): string {
  const text = formatFloat(value, verb, precision);
  const negative = text.startsWith('-');
  const sign = negative ? '-' : flags.plus ? '+' : flags.space ? ' ' : '';
  const magnitude = withPoint(negative ? text.slice(1) : text, verb, precision, flags);
  if (sign !== '' && flags.zero && !flags.minus) {
    return sign + magnitude.padStart((flags.width ?? 0) - 1, '0');
  }
  return padded(sign + magnitude, flags);
}

/** `%#g` keeps the decimal point and trailing zeros. */
function withPoint(text: string, verb: 'e' | 'f' | 'g', precision: number, flags: Flags): string {
  if (!flags.sharp) {
    return text;
  }
  const [mantissa = '', exponent] = text.split('e');
  let missing = 0;
  if (verb === 'g') {
    const significant = mantissa.replace('.', '').replace(/^0+/, '').length;
    missing = (precision < 0 ? 6 : precision) - significant - (mantissa === '0' ? 1 : 0);
  }
  const pointed = mantissa.includes('.') ? mantissa : `${mantissa}.`;
  return pointed + '0'.repeat(Math.max(0, missing)) + (exponent === undefined ? '' : `e${exponent}`);
}

function truncated(text: string, flags: Flags): string {
  return flags.precision === null ? text : [...text].slice(0, flags.precision).join('');
}

/** Pads to the width, which counts code points. */
function padded(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...text].length;
  if (missing <= 0) {
    return text;
  }
  if (flags.minus) {
    return text + ' '.repeat(missing);
  }
  return (flags.zero ? '0' : ' ').repeat(missing) + text;
}
