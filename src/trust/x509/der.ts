import { Rejection } from '../rejection.ts';

/**
 * One element of DER (X.690): what Node's certificates do not tell (key usage bits, path lengths, revocation lists) is
 * read with this.
 */
export interface DerElement {
  /** Identifier octet, with class and the constructed bit. */
  readonly tag: number;
  /** With identifier and length. */
  readonly raw: Buffer;
  readonly content: Buffer;
}

export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/** The one element that makes up all of the bytes. @throws Rejection */
export function readDer(bytes: Buffer): DerElement {
  const element = elementAt(bytes, 0);
  if (element.raw.length !== bytes.length) {
    throw new Rejection('bytes follow an ASN.1 structure that should be at its end');
  }
  return element;
}

/** The elements of a constructed one, in order. @throws Rejection */
export function childrenOf({ content }: DerElement): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let offset = 0; offset < content.length; ) {
    const child = elementAt(content, offset);
    children.push(child);
    offset += child.raw.length;
  }
  return children;
}

function elementAt(bytes: Buffer, offset: number): DerElement {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  // Tags above 30 and indefinite lengths are not used in certificates.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || first === 0x80 || first > 0x84) {
    throw new Rejection('an ASN.1 structure is damaged');
  }
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const start = offset + 2 + lengthBytes;
  if (start > bytes.length) {
    throw new Rejection('an ASN.1 structure is cut off');
  }
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(offset + 2, lengthBytes);
  if (length > bytes.length - start) {
    throw new Rejection('an ASN.1 structure is cut off');
  }
  return { tag, raw: bytes.subarray(offset, start + length), content: bytes.subarray(start, start + length) };
}

/** An object identifier in dotted form. @throws Rejection */
export function objectIdentifierOf({ tag, content }: DerElement): string {
  if (tag !== derTag.objectIdentifier || content.length === 0 || content.length > 32) {
    throw new Rejection('an ASN.1 object identifier is damaged');
  }
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) {
      arcs.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** UTCTime or GeneralizedTime as RFC 5280 (4.1.2.5) allows them. @throws Rejection */
export function timeOf({ tag, content }: DerElement): Date {
  const text = content.toString('latin1');
  const [, year = '', rest = ''] =
    (tag === derTag.utcTime ? /^(\d{2})(\d{10})Z$/ : tag === derTag.generalizedTime ? /^(\d{4})(\d{10})Z$/ : /^$/).exec(
      text,
    ) ?? [];
  const [month = '', day = '', hour = '', minute = '', second = ''] = rest.match(/\d{2}/g) ?? [];
  const fullYear = year.length === 2 ? (Number(year) < 50 ? `20${year}` : `19${year}`) : year;
  const time = new Date(`${fullYear}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time.getTime())) {
    throw new Rejection('an ASN.1 time is damaged');
  }
  return time;
}
