import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { textOf } from './operands.ts';

export const uuids: Builtins = { 'uuid.parse': plain(parse) };

/** Every spelling that github.com/google/uuid reads: with and without hyphens, in braces, as URN. */
const spelling =
  /^(?:urn:uuid:)?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$|^.([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12}).$|^([0-9a-f]{32})$/i;

/** 100 ns from 15 October 1582, where UUIDs count from, to 1970. */
const gregorianOffset = 122_192_928_000_000_000n;

function parse(text: unknown): object {
  const match = spelling.exec(textOf(text));
  if (match === null) {
    throw new BuiltinError('invalid UUID');
  }
  const bytes = Buffer.from(match.slice(1).join(''), 'hex');
  const version = (bytes[6] ?? 0) >> 4;
  const parsed = { version, variant: variantOf(bytes[8] ?? 0) };
  if (version !== 1 && version !== 2) {
    return parsed;
  }
  const ticks =
    BigInt(bytes.readUInt32BE(0)) |
    (BigInt(bytes.readUInt16BE(4)) << 32n) |
    (BigInt(bytes.readUInt16BE(6) & 0xfff) << 48n);
  const node = bytes.subarray(10);
  return {
    ...parsed,
    time: (ticks - gregorianOffset) * 100n,
    nodeid: [...node].map((byte) => byte.toString(16).padStart(2, '0')).join('-'),
    macvariables: `${(node[0] ?? 0) & 2 ? 'local' : 'global'}:${(node[0] ?? 0) & 1 ? 'multicast' : 'unicast'}`,
    clocksequence: bytes.readUInt16BE(8) & 0x3fff,
    ...(version === 2 && {
      id: bytes.readUInt32BE(0),
      domain: ['Person', 'Group', 'Org'][bytes[9] ?? 0] ?? `Domain${bytes[9]}`,
    }),
  };
}

function variantOf(byte: number): string {
  if ((byte & 0xc0) === 0x80) {
    return 'RFC4122';
  }
  if ((byte & 0xe0) === 0xc0) {
    return 'Microsoft';
  }
  return (byte & 0xe0) === 0xe0 ? 'Future' : 'Reserved';
}
