import { readFileSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer as createPlainServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ElfgateError } from '../src/errors.ts';
import { limits } from '../src/limits.ts';

/** Certificate, key and authorities in PEM. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  /** Authorities of client certificates; null when none are asked for. */
  readonly clientAuthorities: string | null;
}

/** Files of {@link TlsMaterial}. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthorities: string | null;
}

/** @throws ElfgateError `unreadable`, or `configuration` when certificate and key do not belong together. */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw new ElfgateError('unreadable', `${file}: cannot be read`, { cause });
    }
  };
  const material = {
    certificate: read(files.certificate),
    key: read(files.key),
    clientAuthorities: files.clientAuthorities === null ? null : read(files.clientAuthorities),
  };
  try {
    createSecureContext(secureContext(material));
  } catch (cause) {
    throw new ElfgateError('configuration', `${files.certificate} and ${files.key} make no TLS server`, {
      hint: 'both in PEM, the certificate of that very key, the chain after it',
      cause,
    });
  }
  return material;
}

function secureContext({ certificate, key, clientAuthorities }: TlsMaterial): SecureContextOptions {
  return {
    cert: certificate,
    key,
    minVersion: 'TLSv1.2',
    ...(clientAuthorities === null ? {} : { ca: clientAuthorities }),
  };
}

export interface ServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** null for plain HTTP. */
  readonly tls: TlsMaterial | null;
  /** Milliseconds between the end of readiness and of listening, in which others learn of it. */
  readonly drainDelay: number;
  /** Milliseconds for reviews in flight once nothing new is taken. */
  readonly drainTime: number;
}

/** A listening server that can be ended without losing a review. */
export interface WebhookServer {
  readonly port: number;
  /** Connections from now on get this certificate; those that are open keep theirs. */
  replaceTls(material: TlsMaterial): void;
  inFlight(): number;
  isDraining(): boolean;
  /** Readiness off, wait, answer what is in flight, end. */
  drain(): Promise<void>;
}

// Clients of the API server keep idle connections for 90 s (**measured**): whoever closes first loses a review.
const keepAlive = 120_000;
/** Milliseconds for a whole request, headers included: a client that sends a byte a second gives up its place. */
const requestTime = 30_000;
const headersTime = 10_000;

/** Starts listening. @throws ElfgateError `usage` when the address cannot be had. */
export async function startServer(
  options: ServerOptions,
  applicationFor: (server: Pick<WebhookServer, 'inFlight' | 'isDraining'>) => RequestListener,
): Promise<WebhookServer> {
  const answering = new Set<ServerResponse>();
  let draining = false;
  const state = { inFlight: () => answering.size, isDraining: () => draining };
  const handle = applicationFor(state);
  const listener: RequestListener = (request, response) => {
    answering.add(response);
    response.once('close', () => answering.delete(response));
    if (draining) {
      lastOfConnection(response);
    }
    handle(request, response);
  };
  const timing = {
    keepAliveTimeout: keepAlive,
    requestTimeout: requestTime,
    headersTimeout: headersTime,
    connectionsCheckingInterval: 1_000,
  };
  const tlsServer =
    options.tls === null
      ? null
      : createTlsServer(
          {
            ...timing,
            ...secureContext(options.tls),
            handshakeTimeout: headersTime,
            // Whether it has to be there is decided by route.
            requestCert: options.tls.clientAuthorities !== null,
            rejectUnauthorized: false,
          },
          listener,
        );
  const server: Server = tlsServer ?? createPlainServer(timing, listener);
  server.maxConnections = limits.serverConnections;
  await listen(server, options);
  return {
    ...state,
    port: (server.address() as AddressInfo).port,
    replaceTls: (material) => tlsServer?.setSecureContext(secureContext(material)),
    async drain() {
      draining = true;
      answering.forEach(lastOfConnection);
      await delay(options.drainDelay);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const impatience = setTimeout(() => server.closeAllConnections(), options.drainTime);
      await closed;
      clearTimeout(impatience);
    },
  };
}

/** The client opens another connection for its next review, to a replica that stays. */
function lastOfConnection(response: ServerResponse): void {
  if (!response.headersSent) {
    response.setHeader('Connection', 'close');
  }
}

function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new ElfgateError('usage', `${host}:${port} cannot be listened on: ${cause.message}`, { cause })),
    );
    server.listen(port, host, () => resolve());
  });
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
