/** The demo's files: built by the lab, placed under `build/demo` by the names that a user would give them. */

import { copyFileSync, cpSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ArtifactName, artifact } from '../../test/lab/lab.ts';

/** Where everything lies; commands are run from here, so that their paths are short. */
export const demoDirectory = join(import.meta.dirname, '..', '..', 'build', 'demo');

const lab = {
  gateway: 'go/host',
  'gateway-without-cgo': 'go/host-without-cgo',
  'gateway-static': 'go/host-static',
  'plugins/audit.so': 'go/plugin',
  'plugins/audit-go1.25.so': 'go/plugin@1.25',
  'plugins/audit-dep-1.1.so': 'go/plugin-dependency-1.1.0',
  'plugins/first.so': 'go/plugin-hello-first',
  'plugins/second.so': 'go/plugin-hello-second',
  opener: 'c/dlopen-host',
  'lib/libcompressor.so': 'c/leaks-zlib',
  'lib/libcompressor-fixed.so': 'c/hides-zlib',
  'lib/libneedy.so': 'c/needy',
  'lib/libprovider.so': 'c/provider',
  clock: 'c/vsyscall',
  'images/resolver': 'root/nss-module-with-tls',
  'images/scratch': 'root/scratch-with-dynamic-program',
} as const satisfies Record<string, ArtifactName>;

/** A file or directory below {@link demoDirectory}. */
export type DemoFile = keyof typeof lab;

/** Why a file could not be made, in one line; files that could are not in here. */
export type Missing = ReadonlyMap<DemoFile, string>;

// What the lab's root holds beside the program that the scene is about.
const notPlaced: readonly string[] = ['hello', 'resolver', 'go-resolver-static-cgo', 'go-resolver-static-netgo'];

/**
 * Builds what is not built yet and places all of it.
 *
 * @param said Is told the name of each file as it is ready, and where it came from.
 */
export async function placeFiles(said: (file: string, origin: string) => void): Promise<Missing> {
  mkdirSync(demoDirectory, { recursive: true });
  const missing = new Map<DemoFile, string>();
  await Promise.all(
    (Object.keys(lab) as DemoFile[]).map(async (file) => {
      const reason = await placeFile(file, said);
      if (reason !== null) {
        missing.set(file, reason);
      }
    }),
  );
  return missing;
}

/** Null, or the reason why there is no such file. */
async function placeFile(file: DemoFile, said: (file: string, origin: string) => void): Promise<string | null> {
  const path = join(demoDirectory, file);
  // What an earlier run left, and not the directory: somebody's shell may be in it.
  rmSync(path, { recursive: true, force: true });
  try {
    const made = await artifact(lab[file]);
    if (!made.available) {
      said(file, 'unavailable');
      return made.reason;
    }
    place(made.path, path);
    said(file, made.origin === 'cache' ? 'cached' : `built in ${made.seconds.toFixed(1)} s`);
    return null;
  } catch (cause) {
    // A compiler that is there and fails, as gcc -static does where there is no libc.a.
    said(file, 'failed');
    return cause instanceof Error ? (cause.message.split('\n', 1)[0] ?? '') : String(cause);
  }
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  if (statSync(from).isDirectory()) {
    cpSync(from, to, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !notPlaced.some((name) => source.endsWith(`/usr/bin/${name}`)),
    });
    return;
  }
  try {
    linkSync(from, to);
  } catch {
    // The cache lies on another file system.
    copyFileSync(from, to);
  }
}

/** Tells elfgate what it cannot see in the files: what the demo's nodes, this machine, are like. */
export function writeConfiguration(glibc: string | null): void {
  writeFileSync(
    join(demoDirectory, 'elfgate.yaml'),
    [
      '# Written by examples/demo.ts; elfgate finds it because commands are run from here.',
      'apiVersion: elfgate.dev/v1',
      'kind: Config',
      'rules:',
      ...(glibc === null ? [] : [`  libc/minimum: { params: { glibc: "${glibc}" } }   # what this machine has`]),
      '  linkage/hardening: { enforce: off }                # not what these scenes are about',
      '',
    ].join('\n'),
  );
}
