import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Credentials } from './credentials.ts';

/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Asks `docker-credential-NAME get` (docker/docker-credential-helpers). It is run without a shell, and ended when it takes
 * too long or says too much. Nothing that it says is ever shown.
 *
 * @param server what the helper knows the registry by.
 * @returns null when it knows none.
 * @throws ElfgateError `missing-tool`, `denied`
 */
export async function runCredentialHelper(
  name: string,
  server: string,
  environment: Environment,
): Promise<Credentials | null> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw new ElfgateError(
      'denied',
      'the docker configuration names a credential helper that is no plain program name',
    );
  }
  const program = `docker-credential-${name}`;
  const { exitCode, output } = await ask(program, server, environment);
  if (exitCode !== 0) {
    // The sentence by which helpers say that they have none; every client compares it.
    if (output.toString().trim() === 'credentials not found in native keychain') {
      return null;
    }
    throw new ElfgateError('denied', `${program}: failed for ${server} (exit ${exitCode ?? 'by a signal'})`, {
      hint: `echo ${server} | ${program} get   shows why`,
    });
  }
  const credentials = parseAnswer(output);
  if (credentials === null) {
    throw new ElfgateError('denied', `${program}: answers for ${server} with something that is no credential`);
  }
  return credentials;
}

async function ask(
  program: string,
  server: string,
  environment: Environment,
): Promise<{ readonly exitCode: number | null; readonly output: Buffer }> {
  // Most runs ask no helper, and this takes as long to load as a request.
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      env: { ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
      // A process group of its own, so that what it starts ends with it.
      detached: true,
    });
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (reason: string): void => {
      if (child.pid !== undefined) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          // It ended by itself in the meantime.
        }
      }
      reject(new ElfgateError('denied', `${program}: ${reason}`));
    };
    const timer = setTimeout(() => {
      end(`did not answer within ${limits.credentialHelperMilliseconds / 1000} seconds`);
    }, limits.credentialHelperMilliseconds);
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(
        new ElfgateError('missing-tool', `${program}: the docker configuration asks for it, and it cannot be run`, {
          hint: `install ${program}, or remove it from credHelpers and credsStore`,
          cause,
        }),
      );
    });
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limits.credentialHelperBytes) {
        end(`says more than ${limits.credentialHelperBytes} bytes`);
      } else {
        chunks.push(chunk);
      }
    });
    child.once('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, output: Buffer.concat(chunks) });
    });
    // A helper may end without reading what it is asked.
    child.stdin.on('error', () => {});
    child.stdin.end(`${server}\n`);
  });
}

function parseAnswer(output: Buffer): Credentials | null {
  let answer: unknown;
  try {
    answer = JSON.parse(output.toString());
  } catch {
    return null;
  }
  if (typeof answer !== 'object' || answer === null) {
    return null;
  }
  const { Username: username, Secret: secret } = answer as Record<string, unknown>;
  if (typeof username !== 'string' || typeof secret !== 'string') {
    return null;
  }
  // The name that helpers give to tokens.
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'password', username, password: secret };
}
