import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { build } from 'esbuild';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { readGoFile } from '../../src/binary/go/go-file.ts';
import { type ByteSource, openFile } from '../../src/bytes/byte-source.ts';
import { sha256 } from '../../src/bytes/digest.ts';
import { elfFacts } from '../../src/facts/elf-facts.ts';
import { goFacts } from '../../src/facts/go-facts.ts';
import { libcFacts } from '../../src/facts/libc-facts.ts';
import { findElfFiles } from '../conformance/elf-files.ts';
import { type ArtifactName, artifact } from '../lab/lab.ts';

const directory = mkdtempSync(join(tmpdir(), 'elfgate-large-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

const gigabyte = 1 << 30;

/** A source that counts the bytes asked of it. */
function counting(source: ByteSource): ByteSource & { readonly count: () => number } {
  let bytes = 0;
  return {
    size: source.size,
    count: () => bytes,
    read(offset, length) {
      bytes += length;
      return source.read(offset, length);
    },
    readInto(target, offset) {
      bytes += target.length;
      source.readInto?.(target, offset);
    },
  };
}

/** All facts but the digest, of an artifact made a gigabyte long. */
async function readPadded(t: ExecutionContext, name: ArtifactName): Promise<void> {
  const file = await artifact(name);
  if (!file.available) {
    t.log(file.reason);
    t.pass();
    return;
  }
  const path = join(directory, name.replace('/', '-'));
  copyFileSync(file.path, path);
  truncateSync(path, gigabyte);
  const source = openFile(path);
  const counted = counting(source);
  const before = process.memoryUsage().external;
  const elf = new ElfFile(counted);
  const go = readGoFile(elf);
  const facts = elfFacts(elf, { path, root: null, symbols: 'listed', surface: 'read', isGo: go !== null });
  const libc = libcFacts(elf, go === null ? [] : goFacts(elf, go).cResolver);
  t.truthy(facts.machine);
  t.truthy(libc.kind);
  t.log(`${(counted.count() / 1e6).toFixed(1)} MB read`);
  t.true(counted.count() < 32_000_000, `${counted.count()} bytes read`);
  t.true(process.memoryUsage().external - before < 32_000_000, 'memory grows with the file');
  source.close();
}

for (const name of ['c/versions', 'c/hello-static', 'go/plugin', 'go/resolver-static-cgo-stripped'] as const) {
  test.serial(`of ${name}, made a gigabyte long, only megabytes are read`, (t) => readPadded(t, name));
}

test.serial('the digest of a gigabyte takes no memory', (t) => {
  const path = join(directory, 'zeros');
  copyFileSync('/dev/null', path);
  truncateSync(path, gigabyte);
  const source = openFile(path);
  const before = process.memoryUsage().external;
  t.is(sha256(source), '49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14');
  t.true(process.memoryUsage().external - before < 8_000_000);
  source.close();
});

/**
 * Inspects a directory in a process of its own; the most memory that it held, bytes. As published, in JavaScript: what
 * Node needs to strip types takes a fifth of the bound.
 */
async function peakMemory(target: string): Promise<{ readonly binaries: number; readonly bytes: number }> {
  const program = join(directory, 'program');
  await build({
    entryPoints: [join(import.meta.dirname, '..', '..', 'src', 'facts', 'inspect.ts')],
    outdir: program,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is loaded on demand stays apart.
    splitting: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  const script = `
    import { readFileSync } from 'node:fs';
    import { inspect } from ${JSON.stringify(join(program, 'inspect.mjs'))};
    const [document] = await inspect([{ name: ${JSON.stringify(target)}, role: null }], { symbols: 'counted' });
    // Not what getrusage(2) says: a process inherits that of the one that started it, until it grows larger itself.
    const bytes = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
    process.stdout.write(JSON.stringify({ binaries: document.binaries.length, bytes }));
  `;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }));
}

test.serial('a thousand programs and libraries of the machine are inspected in 200 MB', async (t) => {
  const files = findElfFiles(['/usr/bin', '/usr/lib/x86_64-linux-gnu', '/usr/lib64']);
  const tree = join(directory, 'tree');
  mkdirSync(tree);
  const step = Math.max(1, Math.floor(files.length / 1_000));
  let linked = 0;
  for (const [index, { path }] of files.entries()) {
    if (index % step === 0 && linked < 1_000) {
      try {
        linkSync(path, join(tree, `${index}`));
        linked += 1;
      } catch {
        // Another file system than that of temporary files: the others will do.
      }
    }
  }
  const { binaries, bytes } = await peakMemory(tree);
  t.log(`${binaries} binaries in ${Math.round(bytes / 1e6)} MB`);
  t.is(binaries, linked);
  t.true(bytes < 200_000_000, `${bytes} bytes`);
});
