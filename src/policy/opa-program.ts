import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip, gzip, constants as zlibConstants } from 'node:zlib';
import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { makeRoom, noteUse } from './cache-room.ts';
import { opaHome, opaSourcesHash, packedSourcesHash } from './opa-sources.ts';

/** What finding, building and running the opa program needs from its surroundings. */
export interface OpaOptions {
  /** A directory of the user's that elfgate may write to, such as `~/.cache/elfgate`. It is created when needed. */
  readonly cacheDirectory: string;
  /** The environment in which Go is looked for and run: PATH, HOME, GOPROXY and the like. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The program as a module, for the built-ins that it answers. @throws ElfgateError `missing-tool` as {@link opaProgram}. */
export async function opaModule(options: OpaOptions): Promise<WebAssembly.Module> {
  const { buffer, byteOffset, length } = await readFile(await opaProgram(options));
  return WebAssembly.compile(new Uint8Array(buffer as ArrayBuffer, byteOffset, length));
}

const packedProgram = 'opa.wasm.gz';

/** Milliseconds. From an empty module cache, over a slow line, on one core: about ten times what was measured. */
const buildTimeLimit = 600_000;

/**
 * The path of `opa.wasm`: unpacked from the published package, or built from the checkout with the machine's Go.
 * Either happens once for each version and machine; the result is kept in the cache directory.
 *
 * @throws ElfgateError `missing-tool` when it has to be built and there is no Go, or Go fails.
 */
export async function opaProgram(options: OpaOptions): Promise<string> {
  const packed = join(opaHome, packedProgram);
  if (existsSync(packed)) {
    return kept(options, opaSourcesHash(), async (target) => {
      await writeFile(target, await promisify(gunzip)(await readFile(packed)));
    });
  }
  const version = (await go(['version'], options)).trim();
  const key = createHash('sha256').update(`${opaSourcesHash()}\n${version}`).digest('hex');
  return kept(options, key, (target) => buildProgram(target, options));
}

/**
 * Writes the packed program and the hash of its sources into a directory: `src/policy/opa` of a package about to be
 * published, where {@link opaProgram} then finds them.
 *
 * @throws ElfgateError `missing-tool` as {@link opaProgram} does.
 */
export async function packOpaProgram(directory: string, options: OpaOptions): Promise<void> {
  const program = await readFile(await opaProgram(options));
  await mkdir(directory, { recursive: true });
  await writeFile(
    join(directory, packedProgram),
    await promisify(gzip)(program, { level: zlibConstants.Z_BEST_COMPRESSION }),
  );
  await writeFile(join(directory, packedSourcesHash), `${opaSourcesHash()}\n`);
}

async function buildProgram(target: string, options: OpaOptions): Promise<void> {
  // -buildvcs=false: the state of the surrounding repository would enter the bytes.
  // -buildmode=c-shared: a reactor, whose functions can be called one after the other.
  const flags = ['-trimpath', '-buildvcs=false', '-buildmode=c-shared', '-ldflags', '-s -w'];
  const environment = { ...options.environment, GOOS: 'wasip1', GOARCH: 'wasm', CGO_ENABLED: '0', GOFLAGS: '' };
  await go(['build', ...flags, '-o', target, '.'], { ...options, environment });
}

/**
 * The file `opa/KEY/opa.wasm` of the cache, made by `make` if it is not there. Of several processes that need it at
 * once, one makes it and the others wait: a build takes both cores for half a minute.
 */
async function kept(options: OpaOptions, key: string, make: (target: string) => Promise<void>): Promise<string> {
  const part = join(options.cacheDirectory, 'opa');
  const program = join(part, key, 'opa.wasm');
  const lock = `${program}.lock`;
  await mkdir(dirname(program), { recursive: true });
  while (!existsSync(program)) {
    if (!(await tookLock(lock))) {
      await sleep(100);
      continue;
    }
    const unfinished = `${program}.${randomUUID()}`;
    try {
      if (!existsSync(program)) {
        await make(unfinished);
        await rename(unfinished, program);
        makeRoom(part, limits.cachedPolicyBytes);
      }
    } finally {
      await rm(unfinished, { force: true });
      await rm(lock, { force: true });
    }
  }
  noteUse(dirname(program));
  return program;
}

/** Takes a lock file, or removes one whose owner is gone so that the next try can take it. */
async function tookLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) {
      throw new ElfgateError('unreadable', `${lock}: cannot be written`, {
        hint: 'elfgate needs a cache directory that it may write to',
        cause,
      });
    }
  }
  if (isAbandoned(lock)) {
    await rm(lock, { force: true });
  }
  return false;
}

function isAbandoned(lock: string): boolean {
  try {
    const age = Date.now() - statSync(lock).mtimeMs;
    const owner = Number(readFileSync(lock, 'utf8'));
    // A lock that is still empty is being written; a second is ample for that.
    return age > buildTimeLimit || (owner === 0 ? age > 1_000 : !isRunning(owner));
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return cause instanceof Error && 'code' in cause && cause.code === 'EPERM';
  }
}

function go(arguments_: readonly string[], options: OpaOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('go', arguments_, {
      cwd: opaHome,
      env: options.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: buildTimeLimit,
    });
    const output: Buffer[] = [];
    const complaints: Buffer[] = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => complaints.push(chunk));
    child.on('error', (cause) => {
      reject(
        new ElfgateError('missing-tool', 'go is not on the machine, and elfgate needs it to build its Rego compiler', {
          hint: 'install Go 1.26 or newer (https://go.dev/dl) and put it on PATH; the published elfgate package needs none',
          cause,
        }),
      );
    });
    child.on('close', (status) => {
      if (status === 0) {
        resolve(Buffer.concat(output).toString());
        return;
      }
      reject(
        new ElfgateError('missing-tool', `go ${arguments_[0]} of elfgate's Rego compiler failed in ${opaHome}`, {
          hint: 'elfgate needs Go 1.26 or newer, and for the first build a module proxy within reach (GOPROXY)',
          cause: Buffer.concat(complaints).toString().trim(),
        }),
      );
    });
  });
}
