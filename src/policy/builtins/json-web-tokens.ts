import { createHmac, createPrivateKey, sign as signWith, timingSafeEqual, verify as verifyWith } from 'node:crypto';
import { parseExactly } from '../exact-json.ts';
import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { goJson } from './go-json.ts';
import { recordOf, textOf } from './operands.ts';
import { type VerificationKey, verificationKeys } from './token-keys.ts';

/** Signed tokens, RFC 7515 and 7519, with the calls of OPA and the signatures of node:crypto. */
export const jsonWebTokens: Builtins = {
  'io.jwt.decode': plain(decode),
  'io.jwt.decode_verify': plain(function (token, constraints) {
    return decodeVerify(textOf(token), recordOf(constraints), this.startNanoseconds);
  }),
  'io.jwt.encode_sign': plain((header, payload, key) => encodeSign(goJson(header), goJson(payload), goJson(key))),
  'io.jwt.encode_sign_raw': plain((header, payload, key) => encodeSign(textOf(header), textOf(payload), textOf(key))),
  'io.jwt.verify_eddsa': plain((token, key) => verifySigned(token, key, 'EdDSA')),
  ...Object.fromEntries(
    ['RS', 'PS', 'ES'].flatMap((family) =>
      ['256', '384', '512'].map((size) => [
        `io.jwt.verify_${family.toLowerCase()}${size}`,
        plain((token, key) => verifySigned(token, key, `${family}${size}`)),
      ]),
    ),
  ),
  ...Object.fromEntries(
    ['256', '384', '512'].map((size) => [
      `io.jwt.verify_hs${size}`,
      plain((token, secret) => {
        const parts = split(textOf(token));
        return verifyMac(`HS${size}`, signedText(parts), fromBase64Url(parts.signature), textOf(secret));
      }),
    ]),
  ),
};

interface Parts {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

function split(token: string): Parts {
  const [header, payload, signature, ...more] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0) {
    throw new BuiltinError('encoded JWT must have 3 sections');
  }
  return { header, payload, signature };
}

function signedText({ header, payload }: Parts): Buffer {
  return Buffer.from(`${header}.${payload}`);
}

function fromBase64Url(text: string): Buffer {
  if (!/^[A-Za-z0-9_-]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) {
    throw new BuiltinError('illegal base64url string');
  }
  return Buffer.from(text, 'base64url');
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseExactly(text);
  } catch (cause) {
    throw new BuiltinError('invalid JSON', { cause });
  }
  return recordOf(value);
}

function headerOf(parts: Parts): Readonly<Record<string, unknown>> {
  const header = jsonObject(fromBase64Url(parts.header).toString());
  if (header.enc !== undefined) {
    throw new BuiltinError('JWT is a JWE object, which is not supported');
  }
  return header;
}

function decode(token: unknown): unknown {
  const parts = split(textOf(token));
  const header = headerOf(parts);
  const payload = fromBase64Url(parts.payload).toString();
  if (header.cty === 'JWT') {
    return decode(payload.replace(/^["']+|["']+$/g, ''));
  }
  return [header, jsonObject(payload), fromBase64Url(parts.signature).toString('hex')];
}

/** The header's own words, checked for the kinds that the specification gives them. */
function checkedHeader(header: Readonly<Record<string, unknown>>) {
  const text = (name: string): string => (header[name] === undefined ? '' : textOf(header[name]));
  const { crit } = header;
  if (crit !== undefined && (!Array.isArray(crit) || crit.length === 0)) {
    throw new BuiltinError('crit: must be a nonempty list');
  }
  const known = ['alg', 'kid', 'typ', 'cty', 'crit'];
  const critical: readonly unknown[] = crit ?? [];
  const valid =
    text('alg') !== '' && !Object.keys(header).some((key) => !known.includes(key) && critical.includes(key));
  return { alg: text('alg'), kid: text('kid'), typ: text('typ'), cty: text('cty'), valid };
}

function verifySigned(token: unknown, key: unknown, algorithm: string): boolean {
  const parts = split(textOf(token));
  const keys = verificationKeys(textOf(key));
  const signature = fromBase64Url(parts.signature);
  const { alg, kid } = checkedHeader(headerOf(parts));
  const verifies = (candidate: VerificationKey): boolean =>
    verifySignature(algorithm, signedText(parts), signature, candidate);
  const named = kid === '' ? undefined : keys.find((candidate) => candidate.kid === kid);
  if (named !== undefined) {
    return verifies(named);
  }
  return keys.some((candidate) => (candidate.alg === '' || candidate.alg === alg) && verifies(candidate));
}

const hashes: Readonly<Record<string, string>> = { 256: 'sha256', 384: 'sha384', 512: 'sha512' };

function hashOf(algorithm: string): string {
  return hashes[algorithm.slice(2)] ?? '';
}

function verifyMac(algorithm: string, text: Buffer, signature: Buffer, secret: string | Buffer): boolean {
  const expected = createHmac(hashOf(algorithm), secret).update(text).digest();
  return expected.length === signature.length && timingSafeEqual(expected, signature);
}

/** Whether a signature is of the key, by the algorithm; false for a key of another kind. */
function verifySignature(
  algorithm: string,
  text: Buffer,
  signature: Buffer,
  { key, secret }: VerificationKey,
): boolean {
  if (algorithm.startsWith('HS')) {
    return secret !== null && verifyMac(algorithm, text, signature, secret);
  }
  const kinds: Readonly<Record<string, string>> = { RS: 'rsa', PS: 'rsa', ES: 'ec', Ed: 'ed25519' };
  if (key === null || key.asymmetricKeyType !== kinds[algorithm.slice(0, 2)]) {
    return false;
  }
  try {
    return verifyWith(
      algorithm === 'EdDSA' ? null : hashOf(algorithm),
      text,
      signingOptions(algorithm, key),
      signature,
    );
  } catch {
    // A signature of a length that the key cannot have made.
    return false;
  }
}

function signingOptions<Key extends object>(algorithm: string, key: Key) {
  const [pkcs1, pss, anySaltLength, digestSaltLength] = [1, 6, -2, -1];
  switch (algorithm.slice(0, 2)) {
    case 'RS':
      return { key, padding: pkcs1 };
    case 'PS':
      return {
        key,
        padding: pss,
        saltLength: 'type' in key && key.type === 'private' ? digestSaltLength : anySaltLength,
      };
    case 'ES':
      return { key, dsaEncoding: 'ieee-p1363' as const };
    default:
      return { key };
  }
}

const algorithms = /^(?:[RPEH]S(?:256|384|512)|EdDSA)$/;

interface Constraints {
  readonly keys: readonly VerificationKey[] | null;
  readonly secret: string;
  readonly alg: string;
  readonly iss: string;
  readonly aud: string;
  /** Nanoseconds. */
  readonly time: number;
}

function constraintsOf(given: Readonly<Record<string, unknown>>, now: bigint): Constraints {
  const known = ['cert', 'secret', 'alg', 'iss', 'aud', 'time'];
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  const { time = now } = given;
  const text = (name: string): string => (given[name] === undefined ? '' : textOf(given[name]));
  if (unknown !== undefined || (typeof time !== 'number' && typeof time !== 'bigint') || time < 0) {
    throw new BuiltinError(`unknown token validation constraint: ${unknown ?? 'time'}`);
  }
  const keys = given.cert === undefined ? null : verificationKeys(textOf(given.cert));
  const secret = text('secret');
  if ((keys === null) === (secret === '')) {
    throw new BuiltinError('one of cert and secret has to be given');
  }
  return { keys, secret, alg: text('alg'), iss: text('iss'), aud: text('aud'), time: Number(time) };
}

/** Tokens within tokens that are followed. */
const nestingAtMost = 16;

function decodeVerify(token: string, given: Readonly<Record<string, unknown>>, now: bigint): unknown {
  const constraints = constraintsOf(given, now);
  const unverified = [false, {}, {}];
  let current = token;
  for (let level = 0; level < nestingAtMost; level++) {
    const parts = split(current);
    const header = headerOf(parts);
    const { alg, kid, cty, valid } = checkedHeader(header);
    if (!valid || (constraints.alg !== '' && constraints.alg !== alg)) {
      return unverified;
    }
    if (!isSignedBy(constraints, alg, kid, signedText(parts), fromBase64Url(parts.signature))) {
      return unverified;
    }
    const payload = fromBase64Url(parts.payload).toString();
    if (cty.toUpperCase() === 'JWT') {
      current = payload;
      continue;
    }
    const claims = jsonObject(payload);
    return claimsHold(claims, constraints) ? [true, header, claims] : unverified;
  }
  throw new BuiltinError('the token is nested too deep');
}

function isSignedBy({ keys, secret }: Constraints, alg: string, kid: string, text: Buffer, signature: Buffer): boolean {
  if (!algorithms.test(alg)) {
    return false;
  }
  if (keys === null) {
    return alg.startsWith('HS') && verifyMac(alg, text, signature, secret);
  }
  const named = kid === '' ? undefined : keys.find((key) => key.kid === kid);
  const candidates = named === undefined ? keys.filter((key) => key.alg === '' || key.alg === alg) : [named];
  return candidates.some((key) => verifySignature(alg, text, signature, key));
}

function claimsHold(claims: Readonly<Record<string, unknown>>, { iss, aud, time }: Constraints): boolean {
  if (iss !== '' && claims.iss !== iss) {
    return false;
  }
  const audiences = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  if (claims.aud === undefined ? aud !== '' : !audiences.includes(aud)) {
    return false;
  }
  const seconds = time / 1_000_000_000;
  const [expires, begins] = [instant(claims.exp), instant(claims.nbf)];
  return (expires === null || seconds < expires) && (begins === null || seconds >= begins);
}

/** Seconds since 1970, or null where the claim is missing. */
function instant(claim: unknown): number | null {
  if (claim === undefined) {
    return null;
  }
  if (typeof claim !== 'number' && typeof claim !== 'bigint') {
    throw new BuiltinError('exp and nbf must be numbers');
  }
  return Number(claim);
}

function encodeSign(header: string, payload: string, key: string): string {
  const { alg, typ } = jsonObject(header);
  if (typeof alg !== 'string' || !algorithms.test(alg)) {
    throw new BuiltinError('unknown JWS algorithm');
  }
  if ((typeof typ !== 'string' || typ === 'JWT') && !isJson(payload)) {
    throw new BuiltinError('type is JWT but payload is not JSON');
  }
  const parsed = jsonObject(key);
  const jwk = Array.isArray(parsed.keys) ? recordOf(parsed.keys[0]) : parsed;
  const text = `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}`;
  return `${text}.${signature(alg, text, jwk).toString('base64url')}`;
}

function signature(alg: string, text: string, jwk: Readonly<Record<string, unknown>>): Buffer {
  if (alg.startsWith('HS')) {
    if (jwk.kty !== 'oct') {
      throw new BuiltinError('the key is no secret');
    }
    return createHmac(hashOf(alg), fromBase64Url(textOf(jwk.k)))
      .update(text)
      .digest();
  }
  try {
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    return signWith(alg === 'EdDSA' ? null : hashOf(alg), Buffer.from(text), signingOptions(alg, key));
  } catch (cause) {
    throw new BuiltinError('the key cannot sign', { cause });
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
