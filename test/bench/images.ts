import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { artifact, artifacts } from '../lab/lab.ts';
import { ownCache } from './own-cache.ts';
import { type Command, inTurn, type Measured } from './processes.ts';
import { promise } from './promises.ts';

/**
 * A whole Debian root as an image: without stored facts against zlib alone and against syft, with them, and the memory
 * that it and an image of 5 GB take.
 */
const checkout = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');
const published = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.cjs');
const node = process.execPath;

const lab = await artifacts(['image/bookworm']);
if (!lab.available) {
  process.stderr.write(`not measured: ${lab.reason}\n`);
  process.exit(2);
}
const image = lab.path['image/bookworm'];
const syft = await artifact('peer/syft').catch(
  (cause: unknown) => ({ available: false, reason: String(cause) }) as const,
);

const out = ownCache(['facts', 'code']);
process.env.XDG_CACHE_HOME = out;
const facts = join(out, 'elfgate', 'facts');
process.env.SYFT_CHECK_FOR_APP_UPDATE = 'false';

const inflate = join(out, 'inflate.mjs');
writeFileSync(
  inflate,
  `import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
for (const file of process.argv.slice(2)) {
  const read = createReadStream(file, { highWaterMark: 262_144 });
  await pipeline(read, createGunzip({ chunkSize: 262_144 }), async (bytes) => { for await (const _ of bytes); });
}
`,
);

const check = (layout: string): Command => [
  node,
  existsSync(published) ? published : checkout,
  ...['check', `oci:${layout}`, '--fail-on', 'never', '--output-file', join(out, 'findings.txt')],
];
/** Forgets what earlier runs have stored. */
const cold = (layout: string): Command => ['sh', '-c', 'rm -rf "$0" && exec "$@"', facts, ...check(layout)];

const manifest = readManifest(image);
const layers = manifest.layers.map(({ digest }) => blobIn(image, digest));
const megabytes = manifest.layers.reduce((sum, { size }) => sum + size, 0) / 1e6;
const seconds = ({ best }: Measured): string => `${(best / 1000).toFixed(2)} s`;

// The first two runs of a user's: the second finds what the first has stored.
await inTurn([check(image)], 1);
const [zlib, ours, theirs] = await inTurn(
  [
    [node, inflate, ...layers],
    cold(image),
    ...(syft.available
      ? [[syft.path, 'scan', `oci-dir:${image}`, '-q', '-o', `json=${join(out, 'syft.json')}`] as const]
      : []),
  ],
  3,
);
const [warm] = await inTurn([check(image)], 7);
if (zlib !== undefined && ours !== undefined && warm !== undefined) {
  promise(
    `check a Debian root of ${megabytes.toFixed(0)} MB, nothing stored`,
    `${seconds(ours)} against ${seconds(zlib)}: ${(ours.best / zlib.best).toFixed(2)} ×`,
    'at most 1.6 × what zlib takes to inflate it',
    ours.best <= 1.6 * zlib.best,
  );
  if (theirs === undefined) {
    process.stderr.write(`not measured against syft: ${syft.available ? 'it did not run' : syft.reason}\n`);
    process.exitCode = 2;
  } else {
    promise(
      'the same against syft scan',
      `${seconds(ours)} against ${seconds(theirs)}: ${(theirs.best / ours.best).toFixed(1)} × faster`,
      'at least 3 × faster',
      theirs.best >= 3 * ours.best,
    );
  }
  promise('memory at its highest', `${ours.peakMemory.toFixed(0)} MB`, 'below 250 MB', ours.peakMemory < 250);
  promise('the same with its facts stored', `${warm.best.toFixed(0)} ms`, 'below 250 ms', warm.best < 250);
}

const large = repeatedLayers(20);
const [huge] = await inTurn([cold(large)], 1);
if (huge !== undefined) {
  promise(
    'memory at its highest for an image of 5 GB',
    `${huge.peakMemory.toFixed(0)} MB in ${seconds(huge)}`,
    'below 400 MB',
    huge.peakMemory < 400,
  );
}
rmSync(out, { recursive: true, force: true });

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

function blobIn(layout: string, digest: string): string {
  return join(layout, 'blobs', ...digest.split(':'));
}

function readJson(file: string) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function readManifest(layout: string): Manifest {
  return readJson(blobIn(layout, readJson(join(layout, 'index.json')).manifests[0].digest));
}

/** A layout with the layers of the Debian root several times over each other: as much to read as in so many roots. */
function repeatedLayers(times: number): string {
  const layout = join(out, 'large');
  mkdirSync(join(layout, 'blobs', 'sha256'), { recursive: true });
  for (const { digest } of manifest.layers) {
    symlinkSync(blobIn(image, digest), blobIn(layout, digest));
  }
  const repeat = <Each>(list: readonly Each[]): readonly Each[] => Array.from({ length: times }, () => list).flat();
  const write = (value: object) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    writeFileSync(blobIn(layout, digest), bytes);
    return { digest, size: bytes.length };
  };
  const config = readJson(blobIn(image, manifest.config.digest));
  const rootfs = { ...config.rootfs, diff_ids: repeat(config.rootfs.diff_ids) };
  const written = write({
    ...manifest,
    config: { ...manifest.config, ...write({ ...config, rootfs }) },
    layers: repeat(manifest.layers),
  });
  const [listed] = readJson(join(image, 'index.json')).manifests;
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...listed, ...written }] }),
  );
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return layout;
}
