/** A registry with images that cosign signs, in a directory of its own. */

import { randomUUID } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { artifacts } from '../lab/lab.ts';
import { type RunResult, runProgram } from '../lab/process.ts';
import { crane, type RunningRegistry, startDistribution, startReferrersRegistry } from '../lab/registry-server.ts';

export interface SigningLab {
  readonly directory: string;
  readonly registry: RunningRegistry;
  /** Writes a file into the directory and gives its path. */
  file(name: string, content: string | Uint8Array): string;
  /** Pushes an image with a digest of its own, and gives `host/repository@sha256:…`. */
  image(repository?: string): Promise<string>;
  crane(...args: string[]): Promise<string>;
  cosign(...args: string[]): Promise<RunResult>;
  /** {@link SigningLab.cosign} that has to succeed. */
  sign(...args: string[]): Promise<void>;
  notation(...args: string[]): Promise<RunResult>;
  /** What cosign is run with, and the directory that holds it: for programs that run it themselves. */
  readonly environment: Readonly<Record<string, string>>;
  readonly cosignDirectory: string;
}

/** A signing configuration without any service: nothing leaves the machine. */
const noServices = {
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  caUrls: [],
  oidcUrls: [],
  rekorTlogUrls: [],
  tsaUrls: [],
  rekorTlogConfig: { selector: 'ANY' },
  tsaConfig: { selector: 'ANY' },
};

/** @param kind with the referrers API, or without it. */
export async function signingLab(
  kind: 'referrers' | 'distribution',
): Promise<
  { readonly available: true; readonly lab: SigningLab } | { readonly available: false; readonly reason: string }
> {
  const programs = await artifacts([
    'trust/cosign',
    'trust/notation',
    'registry/crane',
    'registry/referrers',
    'registry/distribution',
  ]);
  if (!programs.available) {
    return programs;
  }
  const { path } = programs;
  const registry = await (kind === 'referrers'
    ? startReferrersRegistry(path['registry/referrers'])
    : startDistribution(path['registry/distribution']));
  const directory = mkdtempSync(join(tmpdir(), 'elfgate-signing-'));
  const file = (name: string, content: string | Uint8Array): string => {
    const place = join(directory, name);
    writeFileSync(place, content);
    return place;
  };
  file('no-services.json', JSON.stringify(noServices));
  const environment = { HOME: directory, COSIGN_PASSWORD: '', TUF_ROOT: join(directory, 'tuf') };
  const cosign = (...args: string[]): Promise<RunResult> =>
    runProgram(path['trust/cosign'], args, { directory, environment, timeout: 60_000 });
  const lab: SigningLab = {
    directory,
    registry,
    file,
    environment,
    cosignDirectory: dirname(path['trust/cosign']),
    cosign,
    crane: (...args) => crane(path['registry/crane'], args),
    notation: (...args) => runProgram(path['trust/notation'], args, { directory, environment, timeout: 60_000 }),
    async sign(...args) {
      const { exitCode, stderr } = await cosign(...args);
      if (exitCode !== 0) {
        throw new Error(`cosign ${args.join(' ')}: exit ${exitCode}\n${stderr}`);
      }
    },
    async image(repository = 'team/plugin') {
      const name = `${registry.host}/${repository}`;
      const layer = file(`${randomUUID()}.tar`, tarOf(randomUUID()));
      const output = await crane(path['registry/crane'], [
        'append',
        '--insecure',
        '-f',
        layer,
        '-t',
        `${name}:${randomUUID()}`,
      ]);
      return `${name}@${output.trim().split('@').at(-1)}`;
    },
  };
  return { available: true, lab };
}

/** A tar archive of one small file. */
function tarOf(text: string): Buffer {
  const header = Buffer.alloc(512);
  header.write('file', 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0ustar\0', 156);
  header.write('00', 263);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const content = Buffer.alloc(512);
  content.write(text);
  return Buffer.concat([header, content, Buffer.alloc(1024)]);
}
