import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { type OpaOptions, opaProgram, packOpaProgram } from '../../src/policy/opa-program.ts';
import { opaSourcesHash } from '../../src/policy/opa-sources.ts';
import { directoryOf } from './scratch.ts';

/** A stand-in for Go, which takes half a minute: it notes each build and takes half a second. */
function slowGo(): { readonly options: OpaOptions; readonly builds: () => number } {
  const directory = directoryOf({
    'bin/go': [
      '#!/bin/sh',
      'if [ "$1" = version ]; then echo "go version go1.26.8 test/test"; exit 0; fi',
      'echo build >> "$LOG"',
      'sleep 0.5',
      'while [ "$1" != -o ]; do shift; done',
      'echo "$GOOS $GOARCH" > "$2"',
      '',
    ].join('\n'),
    log: '',
  });
  chmodSync(join(directory, 'bin/go'), 0o755);
  const log = join(directory, 'log');
  return {
    options: {
      cacheDirectory: join(directory, 'cache'),
      environment: { PATH: `${join(directory, 'bin')}:/usr/bin:/bin`, LOG: log },
    },
    builds: () => readFileSync(log, 'utf8').split('\n').length - 1,
  };
}

test('a machine without Go is told what to install', async (t) => {
  const options = { cacheDirectory: directoryOf({}), environment: { PATH: '/nonexistent' } };
  const error = await t.throwsAsync(opaProgram(options), { instanceOf: ElfgateError, code: 'missing-tool' });
  t.is(error?.message, 'go is not on the machine, and elfgate needs it to build its Rego compiler');
  t.regex(error?.hint ?? '', /^install Go/);
});

test('Go that fails is an error with what it said', async (t) => {
  const { options } = slowGo();
  writeFileSync(
    join(options.environment.PATH?.split(':')[0] ?? '', 'go'),
    '#!/bin/sh\necho "no module proxy" >&2\nexit 1\n',
  );
  const error = await t.throwsAsync(opaProgram(options), { instanceOf: ElfgateError, code: 'missing-tool' });
  t.is(error?.cause, 'no module proxy');
});

test('several that need the program at once build it once', async (t) => {
  const { options, builds } = slowGo();
  const programs = await Promise.all([opaProgram(options), opaProgram(options), opaProgram(options)]);
  t.is(new Set(programs).size, 1);
  t.is(readFileSync(programs[0] ?? '', 'utf8'), 'wasip1 wasm\n');
  t.is(builds(), 1);
});

test('a program that is there is not built again', async (t) => {
  const { options, builds } = slowGo();
  await opaProgram(options);
  await opaProgram(options);
  t.is(builds(), 1);
});

test('a build that was killed is taken over', async (t) => {
  const { options, builds } = slowGo();
  const program = await opaProgram(options);
  const abandoned = { ...options, cacheDirectory: directoryOf({}) };
  const key = program.split('/').at(-2) ?? '';
  mkdirSync(join(abandoned.cacheDirectory, 'opa', key), { recursive: true });
  // Above the largest process id of Linux, 2^22.
  writeFileSync(join(abandoned.cacheDirectory, 'opa', key, 'opa.wasm.lock'), '4194305');
  t.true(existsSync(await opaProgram(abandoned)));
  t.is(builds(), 2);
});

test('a package is given the program, packed, and the hash of its sources', async (t) => {
  const { options } = slowGo();
  const directory = join(directoryOf({}), 'dist/src/policy/opa');
  await packOpaProgram(directory, options);
  t.is(gunzipSync(readFileSync(join(directory, 'opa.wasm.gz'))).toString(), 'wasip1 wasm\n');
  t.is(readFileSync(join(directory, 'opa.sources.sha256'), 'utf8'), `${opaSourcesHash()}\n`);
  t.regex(opaSourcesHash(), /^[0-9a-f]{64}$/);
});
