import { isIPv4, isIPv6 } from 'node:net';

export interface Address {
  readonly value: bigint;
  readonly bits: 32 | 128;
  /** Written as `::ffff:10.0.0.1`: to Go an IPv4 address, except as part of a CIDR. */
  readonly mapped: boolean;
}

/** An address as Go's `net.ParseIP` reads it, or null. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) {
    return { value: joined(text.split('.').map(Number), 8n), bits: 32, mapped: false };
  }
  if (!isIPv6(text) || text.includes('%')) {
    return null;
  }
  const dotted = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const [head = '', tail] = dotted.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const value = joined([...left, ...Array(8 - left.length - right.length).fill(0), ...right], 16n);
  return value >> 32n === 0xffffn
    ? { value: value & 0xffff_ffffn, bits: 32, mapped: true }
    : { value, bits: 128, mapped: false };
}

/** The text that Go's `net.IP.String` writes: the longest run of two or more zero groups is `::`. */
export function formatAddress(value: bigint, bits: 32 | 128): string {
  if (bits === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  let [start, length] = [-1, 1];
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (groups[end] === '0') {
      end++;
    }
    if (end - at > length) {
      [start, length] = [at, end - at];
    }
  }
  return start < 0
    ? groups.join(':')
    : `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

function joined(groups: readonly number[], width: bigint): bigint {
  return groups.reduce((value, group) => (value << width) | BigInt(group), 0n);
}
