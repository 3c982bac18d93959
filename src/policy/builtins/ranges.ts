import { limits } from '../../limits.ts';
import { BuiltinError, type Builtins, plain } from './builtin.ts';

export const ranges: Builtins = {
  'numbers.range_step': plain(range),
};

function range(from: unknown, to: unknown, step: unknown): readonly bigint[] {
  const [first, last, width] = [wholeOf(from), wholeOf(to), wholeOf(step)];
  if (width <= 0n) {
    throw new BuiltinError('step must be a positive integer');
  }
  const span = last >= first ? last - first : first - last;
  if (span / width >= BigInt(limits.builtinItems)) {
    throw new RangeError(`it would give more than ${limits.builtinItems} numbers`);
  }
  const direction = last >= first ? width : -width;
  return Array.from({ length: Number(span / width) + 1 }, (_, index) => first + BigInt(index) * direction);
}

function wholeOf(value: unknown): bigint {
  if (typeof value === 'bigint') {
    return value;
  }
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new BuiltinError('operand must be integer');
  }
  return BigInt(value);
}
