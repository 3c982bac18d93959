import { createHash } from 'node:crypto';
import { type Builtins, type Evaluation, plain } from './builtin.ts';
import { integerOf, textOf } from './operands.ts';
import { writePlain } from './plain-value.ts';

/**
 * What is random is made of the seed of the evaluation and the operands: asked twice in one evaluation, a call gives
 * the same, as in OPA, and a seed that is kept makes an evaluation repeatable.
 */
export const randomness: Builtins = {
  'rand.intn': plain(function (name, bound) {
    const limit = integerOf(bound);
    const size = limit < 0n ? -limit : limit;
    return size === 0n ? 0 : randomBytes(this, `rand.intn ${size} ${textOf(name)}`).readBigUInt64BE() % size;
  }),
  'uuid.rfc4122': plain(function (key) {
    const bytes = randomBytes(this, `uuid.rfc4122 ${writePlain(key)}`).subarray(0, 16);
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }),
};

function randomBytes({ seed }: Evaluation, purpose: string): Buffer {
  return createHash('sha256').update(seed).update(purpose).digest();
}
