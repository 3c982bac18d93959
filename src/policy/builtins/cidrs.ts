import { limits } from '../../limits.ts';
import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { formatAddress, parseAddress } from './ip-addresses.ts';
import { textOf } from './operands.ts';

export const cidrs: Builtins = {
  'net.cidr_contains_matches': plain(
    (outer, inner) =>
      new Set(
        cidrsIn(outer).flatMap(([outerText, outerIndex]) =>
          cidrsIn(inner)
            .filter(([innerText]) => contains(parseNetwork(outerText), parseNetworkOrAddress(innerText)))
            .map(([, innerIndex]) => [outerIndex, innerIndex]),
        ),
      ),
  ),
  'net.cidr_expand': plain((cidr) => {
    const { first, last, bits } = parseNetwork(textOf(cidr));
    if (last - first >= BigInt(limits.builtinItems)) {
      throw new RangeError(`it would give more than ${limits.builtinItems} addresses`);
    }
    return new Set(
      Array.from({ length: Number(last - first) + 1 }, (_, index) => formatAddress(first + BigInt(index), bits)),
    );
  }),
  'net.cidr_is_valid': plain((cidr) => typeof cidr === 'string' && networkOf(cidr) !== null),
  'net.cidr_merge': plain((operand) => {
    if (!Array.isArray(operand) && !(operand instanceof Set)) {
      throw new BuiltinError('operand must be an array');
    }
    return new Set(merged([...operand].map((item) => networkToMerge(textOf(item)))));
  }),
};

/** A block of addresses. */
interface Network {
  readonly first: bigint;
  readonly last: bigint;
  readonly bits: 32 | 128;
}

function networkOf(text: string): Network | null {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = parseAddress(match?.[1] ?? '');
  const prefix = match?.[2] ?? '';
  if (address === null || Number(prefix) > address.bits || (prefix.length > 1 && prefix.startsWith('0'))) {
    return null;
  }
  const host = 1n << BigInt(address.bits - Number(prefix));
  const first = (address.value / host) * host;
  return { first, last: first + host - 1n, bits: address.bits };
}

function parseNetwork(text: string): Network {
  const network = networkOf(text);
  if (network === null) {
    throw new BuiltinError(`invalid CIDR address: ${text}`);
  }
  return network;
}

function parseNetworkOrAddress(text: string): Network {
  const address = parseAddress(text);
  return address === null
    ? parseNetwork(text)
    : { first: address.value, last: address.value, bits: address.mapped ? 32 : address.bits };
}

function contains(outer: Network, inner: Network): boolean {
  return outer.bits === inner.bits && outer.first <= inner.first && inner.last <= outer.last;
}

/** Each CIDR of a text, a list, a set or an object, with what it is to be called by in the result. */
function cidrsIn(operand: unknown): readonly (readonly [string, unknown])[] {
  const first = (item: unknown): string => {
    const cidr = Array.isArray(item) ? item[0] : item;
    if (typeof cidr !== 'string') {
      throw new BuiltinError('element must be string or non-empty array');
    }
    return cidr;
  };
  if (typeof operand === 'string') {
    return [[operand, operand]];
  }
  if (Array.isArray(operand)) {
    return operand.map((item, index) => [first(item), index]);
  }
  if (operand instanceof Set) {
    return [...operand].map((item) => [first(item), item]);
  }
  return typeof operand === 'object' && operand !== null
    ? Object.entries(operand).map(([key, item]) => [first(item), key])
    : [];
}

/** A CIDR; or an IPv4 address, of whose class A, B or C the mask is taken. */
function networkToMerge(text: string): Network {
  const address = parseAddress(text);
  if (address === null) {
    return parseNetwork(text);
  }
  if (address.bits !== 32 && !address.mapped) {
    throw new BuiltinError('IPv6 invalid: needs prefix length');
  }
  const top = Number(address.value >> 24n);
  const prefix = top < 0x80 ? 8 : top < 0xc0 ? 16 : top < 0xe0 ? 24 : 32;
  return parseNetwork(`${formatAddress(address.value, 32)}/${prefix}`);
}

function merged(networks: readonly Network[]): readonly string[] {
  return ([32, 128] as const).flatMap((bits) => {
    const ranges: { first: bigint; last: bigint }[] = [];
    const sorted = networks.filter((network) => network.bits === bits);
    for (const { first, last } of sorted.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
      const before = ranges.at(-1);
      if (before !== undefined && first <= before.last + 1n) {
        before.last = last > before.last ? last : before.last;
      } else {
        ranges.push({ first, last });
      }
    }
    return ranges.flatMap(({ first, last }) => blocksOf(first, last, bits));
  });
}

/** The fewest blocks that are a range. */
function blocksOf(first: bigint, last: bigint, bits: 32 | 128): readonly string[] {
  const blocks: string[] = [];
  for (let at = first; at <= last; ) {
    let prefix: number = bits;
    let size = 1n;
    while (prefix > 0 && at % (size * 2n) === 0n && at + size * 2n - 1n <= last) {
      size *= 2n;
      prefix--;
    }
    blocks.push(`${formatAddress(at, bits)}/${prefix}`);
    at += size;
  }
  return blocks;
}
