/** Runs the lab's registries for tests: on free ports of loopback, in directories of their own, ended with the test. */

// @peculiar/x509 needs this to be there first.
import 'reflect-metadata';
import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomUUID, type webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as x509 from '@peculiar/x509';
import { SignJWT } from 'jose';
import { runProgram } from './process.ts';

/** A server that runs. */
export interface RunningRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  stop(): Promise<void>;
}

/** One that asks for tokens and speaks TLS with a certificate of an authority of its own. */
export interface SecuredRegistry extends RunningRegistry {
  readonly username: string;
  readonly password: string;
  /** Certificate of its authority, PEM. */
  readonly ca: string;
  /** Scopes that tokens were asked for, in order, as `repository:app:pull`. */
  readonly askedScopes: readonly string[];
}

/**
 * Starts `registry/referrers`.
 *
 * @param program its path.
 * @param delay milliseconds before it answers a GET.
 */
export async function startReferrersRegistry(program: string, delay = 0): Promise<RunningRegistry> {
  return startProgram(program, [`${delay}ms`], (line) => line);
}

/** Starts `registry/distribution` over plain HTTP, open to all. @param program its path. */
export async function startDistribution(program: string): Promise<RunningRegistry> {
  return distribution(program, mkdtempSync(join(tmpdir(), 'elfgate-registry-')), '', '');
}

/** Starts `registry/distribution` with TLS and token authentication. @param program its path. */
export async function startSecuredDistribution(program: string): Promise<SecuredRegistry> {
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-registry-'));
  const { ca, certificate, key } = await certificates();
  writeFileSync(join(directory, 'server.pem'), certificate);
  writeFileSync(join(directory, 'server-key.pem'), key);
  const username = 'scanner';
  const password = randomUUID();
  const askedScopes: string[] = [];
  const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...signing.publicKey.export({ format: 'jwk' }), kid: 'lab', alg: 'ES256', use: 'sig' };
  writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: [jwk] }));
  const tokens = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://token.invalid');
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    if (request.headers.authorization !== basic) {
      response.writeHead(401).end();
      return;
    }
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '));
    askedScopes.push(...scopes);
    const access = scopes.map((scope) => {
      const [type, ...rest] = scope.split(':');
      const actions = rest.pop()?.split(',') ?? [];
      return { type, name: rest.join(':'), actions };
    });
    const token = await new SignJWT({ access })
      .setProtectedHeader({ alg: 'ES256', kid: 'lab', typ: 'JWT' })
      .setIssuer('lab')
      .setSubject(username)
      .setAudience(url.searchParams.get('service') ?? '')
      .setIssuedAt()
      .setNotBefore('-10s')
      .setExpirationTime('60s')
      .setJti(randomUUID())
      .sign(signing.privateKey);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ token, expires_in: 60, issued_at: new Date().toISOString() }));
  });
  const realm = await listen(tokens);
  const registry = await distribution(
    program,
    directory,
    `\n  tls: { certificate: ${join(directory, 'server.pem')}, key: ${join(directory, 'server-key.pem')} }`,
    `auth: { token: { realm: "http://${realm}/token", service: lab-registry, issuer: lab, jwks: ${join(directory, 'keys.json')} } }\n`,
  );
  return {
    ...registry,
    username,
    password,
    ca,
    askedScopes,
    async stop() {
      await registry.stop();
      tokens.closeAllConnections();
      tokens.close();
    },
  };
}

/** Lets a server listen on a free port of loopback, and gives `127.0.0.1:PORT`. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An authority and a server certificate for loopback that it signed, PEM. */
export async function certificates(): Promise<{ ca: string; certificate: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const generate = () =>
    crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
  const [authority, server] = await Promise.all([generate(), generate()]);
  const dates = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...dates,
    serialNumber: '01',
    name: 'CN=lab authority',
    keys: authority,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    ...dates,
    serialNumber: '02',
    subject: 'CN=127.0.0.1',
    issuer: root.subject,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const key = await crypto.subtle.exportKey('pkcs8', server.privateKey);
  return {
    ca: root.toString('pem'),
    certificate: leaf.toString('pem'),
    key: x509.PemConverter.encode(key, 'PRIVATE KEY'),
  };
}

/** Runs crane, and gives what it prints. @throws Error when it fails. */
export async function crane(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(program, args, {
    environment: { HOME: '/nonexistent', ...environment },
    timeout: 60_000,
  });
  if (exitCode !== 0) {
    throw new Error(`crane ${args.join(' ')}: exit ${exitCode}\n${stderr}`);
  }
  return stdout;
}

async function distribution(program: string, directory: string, tls: string, auth: string): Promise<RunningRegistry> {
  const configuration = join(directory, 'config.yaml');
  writeFileSync(
    configuration,
    `version: 0.1
log: { level: info, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: ${join(directory, 'data')} }, delete: { enabled: true } }
http:
  addr: 127.0.0.1:0
  secret: lab${tls}
${auth}`,
  );
  const running = await startProgram(program, ['serve', configuration], (line) => {
    return /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1] ?? null;
  });
  return {
    host: running.host,
    async stop() {
      await running.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Starts a server and waits until one of its lines tells its address. */
async function startProgram(
  program: string,
  args: readonly string[],
  addressIn: (line: string) => string | null,
): Promise<RunningRegistry> {
  const child = spawn(program, args, { env: { OTEL_TRACES_EXPORTER: 'none' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const said: string[] = [];
  const host = await new Promise<string>((resolve, reject) => {
    const look = (line: string): void => {
      said.push(line);
      const address = addressIn(line);
      if (address !== null) {
        resolve(address);
      }
    };
    createInterface(child.stdout).on('line', look);
    createInterface(child.stderr).on('line', look);
    child.once('error', reject);
    child.once('close', () => reject(new Error(`${program} ended:\n${said.slice(-20).join('\n')}`)));
  });
  said.length = 0;
  // A test that fails must not leave servers behind.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    host,
    async stop() {
      process.off('exit', kill);
      child.kill('SIGKILL');
      await ended;
    },
  };
}
