/** Images that mean harm, read by a process that may write to one directory only: Node's permission model watches. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { digestOf } from '../../src/image/digest.ts';
import { archive, binary, type MadeEntry } from '../image/layers/made-image.ts';
import { runProgram } from '../lab/process.ts';
import { emptyDirectory } from './run-cli.ts';

const program = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

/** An OCI layout with one image. */
async function layoutOf(layers: readonly (readonly MadeEntry[])[], mediaType?: string): Promise<string> {
  const directory = emptyDirectory();
  const blobs = join(directory, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const blob = (type: string, bytes: Buffer) => {
    const digest = digestOf(bytes);
    writeFileSync(join(blobs, digest.slice('sha256:'.length)), bytes);
    return { mediaType: type, digest, size: bytes.length };
  };
  const archives = await Promise.all(layers.map((entries) => archive(...entries)));
  const config = {
    os: 'linux',
    architecture: 'amd64',
    config: {},
    rootfs: { type: 'layers', diff_ids: archives.map((bytes) => digestOf(bytes)) },
  };
  const layerType = mediaType ?? 'application/vnd.oci.image.layer.v1.tar+gzip';
  const manifest = blob(
    'application/vnd.oci.image.manifest.v1+json',
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: blob('application/vnd.oci.image.config.v1+json', Buffer.from(JSON.stringify(config))),
        layers: archives.map((bytes) => blob(layerType, gzipSync(bytes))),
      }),
    ),
  );
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return directory;
}

/** Inspects an image with the right to write below one directory, and nowhere else. */
async function inspectConfined(layout: string) {
  const writable = emptyDirectory();
  const { exitCode, stdout, stderr } = await runProgram(
    process.execPath,
    [
      ...['--permission', '--allow-fs-read=*', `--allow-fs-write=${writable}`, '--allow-worker'],
      ...[program, 'inspect', `oci:${layout}`, '-o', 'json'],
    ],
    { environment: { TMPDIR: writable, XDG_CACHE_HOME: writable, HOME: writable }, timeout: 60_000 },
  );
  return { exitCode, stdout, stderr };
}

// Kept in the temporary file and not in memory.
const large = binary('large', 2_000_000);
const outside = join(tmpdir(), 'elfgate-outside');

const harmless: readonly (readonly [
  title: string,
  layers: readonly (readonly MadeEntry[])[],
  found: readonly string[],
])[] = [
  ['absolute names', [[[`${outside}/a`, large]]], [`${outside.slice(1)}/a`]],
  [
    'links that lead out of the root, and entries below them',
    [
      [{ name: 'link', type: 'symlink', linkname: '/lib' }, ['lib/x', 'text'], ['link/b', large]],
      [{ name: 'up', type: 'symlink', linkname: '../../../../../lib' }, ['up/c', large]],
    ],
    ['lib/b', 'lib/c'],
  ],
  [
    'whiteouts of what is not there',
    [
      [
        ['.wh.etc', ''],
        ['tmp/.wh..wh..opq', ''],
        ['d', large],
      ],
    ],
    ['d'],
  ],
];

for (const [title, layers, found] of harmless) {
  test(`${title}: read, and nothing is written but below the temporary directory`, async (t) => {
    const { exitCode, stdout, stderr } = await inspectConfined(await layoutOf(layers));
    t.false(stderr.includes('ERR_ACCESS_DENIED'), stderr);
    t.is(exitCode, 0, stderr);
    const { binaries } = JSON.parse(stdout);
    t.deepEqual(
      binaries.map(({ path, size }: { path: string; size: number }) => [path, size]),
      found.map((path) => [path, large.length]),
    );
  });
}

const refused: readonly (readonly [
  title: string,
  entries: readonly MadeEntry[],
  mediaType: string | undefined,
  expected: RegExp,
])[] = [
  ['a path that leads out of the root', [['../../outside', large]], undefined, /leads out of the root/],
  [
    'a hard link to a file of this machine',
    [{ name: 'shadow', type: 'link', linkname: '/etc/shadow' }],
    undefined,
    /names etc\/shadow, which is nowhere/,
  ],
  [
    'a foreign layer',
    [['a', large]],
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    /is a foreign layer/,
  ],
];

for (const [title, entries, mediaType, expected] of refused) {
  test(`${title}: an error that names image and layer`, async (t) => {
    const layout = await layoutOf([[['fine', 'text']], entries], mediaType);
    const { exitCode, stdout, stderr } = await inspectConfined(layout);
    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(stderr, expected);
    t.true(stderr.includes(`oci:${layout}: layer `), stderr);
  });
}
