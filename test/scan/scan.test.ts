import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { inOrder } from '../../src/scan/in-order.ts';
import { policyVersion } from '../../src/scan/policy-version.ts';
import type { ScanLine } from '../../src/scan/scan.ts';
import { parseScanTarget } from '../../src/scan/scan-target.ts';
import { emptyDirectory } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';
import { runScan, startScan } from './run-scan.ts';
import { pushSmallImages, type WatchedRegistry, watchedRegistry } from './watched-registry.ts';

const lab = await artifacts(['registry/referrers', 'c/hello', 'c/hello-static']);
// Facts of images that another run of this test has read must not be known: every run has layers of its own.
const run = Date.now();

/** A registry with `app:1`, `app:2`, the same image as `app:same` and `other:1`, and a clean one. */
async function registryWithImages(
  t: ExecutionContext,
  path: { 'registry/referrers': string; 'c/hello': string; 'c/hello-static': string },
) {
  const registry = await watchedRegistry(path['registry/referrers']);
  t.teardown(registry.stop);
  const broken = { program: path['c/hello'] };
  const digests = await pushSmallImages(registry.host, [
    { ...broken, repository: 'app', tag: '1', number: run },
    { ...broken, repository: 'app', tag: '2', number: run + 1 },
    { ...broken, repository: 'app', tag: 'same', number: run },
    { ...broken, repository: 'other', tag: '1', number: run },
    { program: path['c/hello-static'], repository: 'clean', tag: '1', number: run },
  ]);
  registry.look();
  return { registry, digests };
}

function blobsOf(registry: WatchedRegistry): { blobs: readonly string[]; manifests: readonly string[] } {
  const requests = registry.look();
  return {
    blobs: requests.filter((line) => line.includes('/blobs/')),
    manifests: requests.filter((line) => line.includes('/manifests/')),
  };
}

const named = (lines: readonly ScanLine[]) => lines.map(({ image, cached }) => [image.replace(/^[^/]*\//, ''), cached]);

test.serial('a registry is scanned once by digest, and not at all when it is known', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const { registry, digests } = await registryWithImages(t, lab.path);
  const state = join(emptyDirectory(), 'state.sqlite');
  const first = await runScan([registry.host, '-o', 'jsonl', '--state', state]);
  t.is(first.stderr.includes('cannot decide'), false, first.stderr);
  t.is(first.exitCode, 1);
  t.deepEqual(
    named(first.lines)
      .map(([name]) => name)
      .sort(),
    ['app:1', 'app:2', 'app:same', 'clean:1', 'other:1'],
  );
  t.is(first.lines.filter(({ cached }) => !cached).length, 3, 'three digests, each read once');
  t.deepEqual([...new Set(first.lines.map(({ digest }) => digest as string))].sort(), [...new Set(digests)].sort());
  const broken = first.lines.find(({ image }) => image.endsWith('app:1'));
  t.is(broken?.platform, 'linux/amd64');
  t.is(broken?.error, null);
  const finding = broken?.findings.find(({ rule }) => rule === 'linkage/interpreter');
  t.deepEqual(finding?.subject, { target: `${registry.host}/app:1`, path: 'app', layer: 0 });
  const asked = blobsOf(registry);
  t.is(asked.blobs.length, 6, 'a configuration and a layer for each digest');
  t.is(new Set(asked.blobs).size, 6);
  t.is(asked.manifests.length, 5, 'a manifest for each tag');

  const second = await runScan([registry.host, '-o', 'jsonl', '--state', state]);
  t.is(second.exitCode, 1);
  // The registry lists its repositories in another order each time.
  const byImage = (lines: readonly ScanLine[]) =>
    lines.toSorted((left, right) => left.image.localeCompare(right.image));
  t.deepEqual(byImage(second.lines), byImage(first.lines.map((line) => ({ ...line, cached: true }))));
  const askedAgain = blobsOf(registry);
  t.deepEqual(askedAgain.blobs, []);
  t.is(askedAgain.manifests.length, 5);
});

test.serial(
  'what to scan is named by repository, tag and pattern, on the command line and on standard input',
  async (t) => {
    if (!lab.available) {
      return t.log(lab.reason);
    }
    const { registry, digests } = await registryWithImages(t, lab.path);
    const state = join(emptyDirectory(), 'state.sqlite');
    const scanOf = async (args: readonly string[], input = '') => {
      const { lines, exitCode } = await runScan(['-o', 'jsonl', '--state', state, ...args], input);
      return { names: named(lines).map(([name]) => name), exitCode };
    };
    t.deepEqual(await scanOf([`${registry.host}/clean`]), { names: ['clean:1'], exitCode: 0 });
    t.deepEqual(await scanOf([`${registry.host}/app`, '--tags', '[0-9]', '--tags', 's*']), {
      names: ['app:same'],
      exitCode: 1,
    });
    t.deepEqual(await scanOf(['-'], `# a list\n${registry.host}/app:2\n\n${registry.host}/clean@${digests[4]}\n`), {
      names: ['app:2', `clean@${digests[4]}`],
      exitCode: 1,
    });
    t.deepEqual(await scanOf([`${registry.host}/app:2`, '--fail-on', 'never']), { names: ['app:2'], exitCode: 0 });
  },
);

test.serial('what cannot be decided is a line with its reason, and exit code 2', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const { registry } = await registryWithImages(t, lab.path);
  const state = join(emptyDirectory(), 'state.sqlite');
  registry.meddle = (request, response) => {
    if (request.url?.includes('/app/manifests/2') === true || request.url?.includes('/other/tags') === true) {
      response.writeHead(404).end();
      return true;
    }
    return false;
  };
  const { exitCode, lines } = await runScan([registry.host, '-o', 'jsonl', '--state', state, '--fail-on', 'never']);
  t.is(exitCode, 2);
  t.deepEqual(
    lines
      .filter(({ error }) => error !== null)
      .map(({ error }) => error?.replace(registry.host, 'HOST'))
      .sort(),
    ['HOST/app: there is no tag 2', 'HOST/other: there is no such repository'],
  );
  const none = await runScan([`${registry.host}/app`, '--tags', 'none', '--state', state]);
  t.is(none.exitCode, 2, 'nothing scanned is no success');
  t.regex(none.stderr, /cannot decide\[not-found\]: .*\/app: there is no image to scan/);
  const text = await runScan([registry.host, '--state', state, '--color', 'never']);
  const [table = ''] = /^repository[\s\S]*/m.exec(text.stdout) ?? [];
  t.deepEqual(
    table.split('\n').map((row) => row.replaceAll(registry.host, 'HOST').trim().split(/ {2,}/)),
    [
      ['repository', 'images', 'known before', 'errors', 'warnings', 'infos', 'excepted', 'undecided'],
      ['HOST/app', '3', '2', '4', '0', '4', '0', '1'],
      ['HOST/other', '1', '0', '0', '0', '0', '0', '1'],
      ['HOST/clean', '1', '1', '0', '0', '1', '0', '0'],
      ['3 repositories', '5', '3', '4', '0', '5', '0', '2'],
      [''],
    ],
  );
  t.true(
    text.stdout.includes(`${registry.host}/app:1  linux/amd64\n  error[linkage/interpreter]: app: loader `),
    text.stdout,
  );
  t.true(text.stdout.includes(`${registry.host}/app:2\n  cannot decide: ${registry.host}/app: there is no tag 2\n\n`));
});

test.serial('a scan that was killed is gone on with, and no result is lost or doubled', async (t) => {
  if (!lab.available) {
    return t.log(lab.reason);
  }
  const registry = await watchedRegistry(lab.path['registry/referrers']);
  t.teardown(registry.stop);
  const program = lab.path['c/hello-static'];
  const images = Array.from({ length: 30 }, (_, number) => ({
    repository: 'many',
    tag: `t${String(number).padStart(2, '0')}`,
    program,
    number: run + 1000 + number,
  }));
  await pushSmallImages(registry.host, images);
  registry.look();
  const state = join(emptyDirectory(), 'state.sqlite');
  const args = [registry.host, '-o', 'jsonl', '--state', state, '--concurrency', '2', '--fail-on', 'never'];
  registry.meddle = async (request) => {
    await sleep(request.url?.includes('/blobs/') === true ? 40 : 0);
    return false;
  };
  const killed = startScan(args);
  while (registry.look().filter((line) => line.includes('/blobs/')).length < 4) {
    await sleep(200);
  }
  killed.process.kill('SIGKILL');
  const { lines: before } = await killed.ended;
  t.true(before.length < 30, `${before.length} lines were written before`);
  registry.look();
  const { lines, exitCode } = await runScan(args);
  t.is(exitCode, 0);
  t.deepEqual(
    named(lines).map(([name]) => name),
    images.map(({ tag }) => `many:${tag}`),
  );
  const known = new Set(before.map(({ image }) => image));
  t.true(
    lines.every(({ image, cached }) => !known.has(image) || cached),
    'what was reported before the kill is not read again',
  );
});

test('targets of a scan name their registry', (t) => {
  t.deepEqual(parseScanTarget('localhost:5000'), { registry: 'localhost:5000', repository: null, tagOrDigest: null });
  t.deepEqual(parseScanTarget('[::1]:5000/a/b:1'), { registry: '[::1]:5000', repository: 'a/b', tagOrDigest: '1' });
  for (const text of ['', '/app', 'host/App', 'host/app:', 'host/app@sha256:1', 'http://host/app', 'host/a b']) {
    t.throws(() => parseScanTarget(text), { instanceOf: ElfgateError }, text);
  }
});

test('work is done several at once and given in order, up to a failure', async (t) => {
  const begun: number[] = [];
  const work = async (item: number): Promise<number> => {
    begun.push(item);
    await sleep((5 - item) * 5);
    if (item === 3) {
      throw new Error('three');
    }
    return item;
  };
  const given: number[] = [];
  await t.throwsAsync(
    async () => {
      for await (const result of inOrder([0, 1, 2, 3, 4, 5, 6, 7], 3, work)) {
        t.true(begun.length <= given.length + 3);
        given.push(result);
      }
    },
    { message: 'three' },
  );
  t.deepEqual(given, [0, 1, 2]);
});

test('a result is given as soon as it is there, however long the next item is waited for', async (t) => {
  async function* typed(): AsyncGenerator<number> {
    yield 1;
    yield 2;
    await new Promise(() => {});
  }
  const given: number[] = [];
  for await (const result of inOrder(typed(), 100, async (item) => item * 10)) {
    given.push(result);
    if (given.length === 2) {
      break;
    }
  }
  t.deepEqual(given, [10, 20]);
});

test('what cannot be listed is said at its place, behind the results of what could', async (t) => {
  async function* broken(): AsyncGenerator<number> {
    yield 1;
    yield 2;
    throw new Error('no third');
  }
  const given: number[] = [];
  await t.throwsAsync(
    async () => {
      for await (const result of inOrder(broken(), 100, (item) => sleep(20 / item, item))) {
        given.push(result);
      }
    },
    { message: 'no third' },
  );
  t.deepEqual(given, [1, 2]);
});

test('a result is known again by the same policies, parameters and code only', (t) => {
  const rules = new Map([
    ['a/b', { parameters: { x: 1 } }],
    ['c/d', { parameters: {} }],
  ]);
  const same = new Map([...rules].reverse());
  const version = policyVersion('bundle', rules, 'facts');
  t.is(policyVersion('bundle', same, 'facts'), version);
  t.not(policyVersion('other', rules, 'facts'), version);
  t.not(policyVersion('bundle', rules, 'other'), version);
  t.not(policyVersion('bundle', new Map([['a/b', { parameters: { x: 2 } }]]), 'facts'), version);
});
