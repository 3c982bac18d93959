/** A private Sigstore: certificate authority, transparency log, timestamp authority, as servers of this process. */

import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { bundleToJSON } from '@sigstore/bundle';
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from '@sigstore/mock';
import {
  DSSEBundleBuilder,
  FulcioSigner,
  MessageSignatureBundleBuilder,
  RekorWitness,
  TSAWitness,
} from '@sigstore/sign';
import { listen } from '../lab/registry-server.ts';

export interface SigstoreInstance {
  /** A signing configuration, by which cosign uses these servers and no others. */
  readonly signingConfig: string;
  token(identity: SigningIdentity): string;
  /** `trusted_root.json` */
  readonly trustedRoot: string;
  /** A bundle over an in-toto statement, as JSON. */
  attest(
    statement: object,
    identity?: SigningIdentity,
    witnesses?: readonly Witness[],
  ): Promise<Record<string, unknown>>;
  /** A bundle over the bytes of a file, as JSON. */
  signFile(bytes: Buffer, identity?: SigningIdentity): Promise<Record<string, unknown>>;
  stop(): void;
}

export interface SigningIdentity {
  readonly subject: string;
  readonly issuer: string;
}

type Witness = 'log' | 'timestamp';

export const releaseIdentity: SigningIdentity = {
  subject: 'https://ci.example.com/release',
  issuer: 'https://issuer.example.com',
};

interface InstanceOptions {
  /** Whether certificates carry the promise of a certificate log. */
  readonly certificateLog?: 'with' | 'without';
  /** What the transparency log's clock shows; now when absent. */
  readonly logTime?: Date;
}

const keys = (curve: string) => generateKeyPairSync('ec', { namedCurve: curve });

export async function sigstoreInstance(options: InstanceOptions = {}): Promise<SigstoreInstance> {
  const certificateLog = await initializeCTLog(keys('P-256'));
  const authority = await initializeCA(
    keys('P-384'),
    options.certificateLog === 'without' ? undefined : certificateLog,
  );
  const log = await initializeTLog('https://log.example.com', keys('P-256'), options.logTime);
  const timestamps = await initializeTSA(keys('P-384'));
  const certificates = fulcioHandler(authority);
  const logEntries = rekorHandler(log);
  const stamping = tsaHandler(timestamps);
  const handlers = [certificates, logEntries, stamping];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const handler = handlers.find(({ path }) => request.url === path);
    const question = asMockTakes(Buffer.concat(chunks).toString(), request.headers.authorization);
    let answer = await handler?.fn(question);
    while (handler === stamping && !readableTime.test(String(answer?.response))) {
      answer = await handler?.fn(question);
    }
    // Fulcio answers 200, the mock 201, which cosign takes for a failure.
    const statusCode = request.url === certificates.path && answer?.statusCode === 201 ? 200 : answer?.statusCode;
    response.writeHead(statusCode ?? 404, {
      'content-type': answer?.contentType ?? 'text/plain',
      // By which cosign finds the entry in the answer of the log (sigstore-go, pkg/sign/transparency.go).
      ...(request.url === logEntries.path ? { etag: Object.keys(JSON.parse(String(answer?.response)))[0] } : {}),
    });
    response.end(answer?.response);
  });
  const address = `http://${await listen(server)}`;
  const builderOptions = ({ subject, issuer }: SigningIdentity, witnesses: readonly Witness[]) => ({
    signer: new FulcioSigner({
      fulcioBaseURL: address,
      identityProvider: { getToken: async () => token(subject, issuer) },
    }),
    witnesses: witnesses.map((witness) =>
      witness === 'log'
        ? new RekorWitness({ rekorBaseURL: address, entryType: 'intoto' })
        : new TSAWitness({ tsaBaseURL: address }),
    ),
  });
  const validFor = { start: new Date(Date.now() - 86_400_000).toISOString() };
  const certificateList = (...views: ArrayBufferView[]) => ({
    certificates: views.map((view) => ({
      rawBytes: Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64'),
    })),
  });
  const logOf = (publicKey: Buffer) => ({
    // The name by which the log signs.
    baseUrl: 'https://log.example.com',
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: publicKey.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: createHash('sha256').update(publicKey).digest('base64') },
  });
  const authorityOf = (...views: ArrayBufferView[]) => ({
    uri: address,
    subject: { commonName: 'lab', organization: 'lab' },
    certChain: certificateList(...views),
    validFor,
  });
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    certificateAuthorities: [authorityOf(authority.rootCertificate)],
    timestampAuthorities: [authorityOf(timestamps.intCertificate, timestamps.rootCertificate)],
    tlogs: [logOf(log.publicKey)],
    ctlogs: [logOf(certificateLog.publicKey)],
  };
  const service = { url: address, majorApiVersion: 1, validFor, operator: 'lab' };
  return {
    signingConfig: JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: [service],
      oidcUrls: [],
      rekorTlogUrls: [service],
      tsaUrls: [],
      rekorTlogConfig: { selector: 'ANY' },
      tsaConfig: { selector: 'ANY' },
    }),
    token: ({ subject, issuer }) => token(subject, issuer),
    trustedRoot: JSON.stringify(root),
    async attest(statement, identity = releaseIdentity, witnesses = ['log']) {
      const builder = new DSSEBundleBuilder(builderOptions(identity, witnesses));
      const data = Buffer.from(JSON.stringify(statement));
      const bundle = await builder.create({ data, type: 'application/vnd.in-toto+json' });
      return { ...bundleToJSON(bundle) };
    },
    async signFile(bytes, identity = releaseIdentity) {
      const builder = new MessageSignatureBundleBuilder(builderOptions(identity, ['log']));
      return { ...bundleToJSON(await builder.create({ data: bytes })) };
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** @sigstore/core 4.0.1 reads fractions of three digits only; DER leaves out the zeros at their end, one time in ten. */
const readableTime = /\d{14}(?:\.\d{3})?Z/;

/** What clients send that the servers of the mock take in another form only, or would keep as it comes. */
function asMockTakes(body: string, authorization: string | undefined): string {
  if (!body.startsWith('{')) {
    return body;
  }
  const request = JSON.parse(body);
  if (authorization !== undefined && request.publicKeyRequest !== undefined) {
    // Of Fulcio's two ways to take the token, sigstore-go uses the header.
    request.credentials = { oidcIdentityToken: authorization.replace(/^Bearer /, '') };
    return JSON.stringify(request);
  }
  const proposed = request.spec?.proposedContent;
  if (request.kind === 'dsse' && proposed !== undefined) {
    // Rekor keeps digests of an envelope, and its signatures (rekor, pkg/types/dsse/v0.0.1/entry.go).
    const envelope = JSON.parse(proposed.envelope);
    const digest = (bytes: Buffer) => ({
      algorithm: 'sha256',
      value: createHash('sha256').update(bytes).digest('hex'),
    });
    request.spec = {
      envelopeHash: digest(Buffer.from(proposed.envelope)),
      payloadHash: digest(Buffer.from(envelope.payload, 'base64')),
      signatures: envelope.signatures.map(({ sig }: { sig: string }) => ({
        signature: sig,
        verifier: proposed.verifiers[0],
      })),
    };
    return JSON.stringify(request);
  }
  return body;
}

/** An identity token, which the authority here believes without looking at its signature. */
function token(subject: string, issuer: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iss: issuer,
    sub: subject,
    aud: 'sigstore',
    jti: randomUUID(),
    exp: Math.floor(Date.now() / 1000) + 60,
  };
  return `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('x').toString('base64url')}`;
}

/** A statement that an image with this digest is signed, as cosign makes it. */
export function signatureStatement(digest: string): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digest } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  };
}
