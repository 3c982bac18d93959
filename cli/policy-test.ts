import { watch } from 'node:fs';
import { relative } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import { printable } from '../src/findings/printable.ts';
import { type PolicyTestReport, testPolicies } from '../src/policy/rego-tests.ts';
import { renderFailure } from './failure.ts';
import { usesColor, writeOutput } from './output.ts';
import { compilerOptions, policyDirectories } from './policies.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface PolicyTestOptions extends SharedOptions {
  readonly output: 'text' | 'json' | 'junit' | 'lcov';
  readonly coverage?: boolean;
  readonly watch?: boolean;
}

/**
 * `elfgate policy test [DIR…]`: runs the Rego tests of the given rules, or of the built-in ones when none are given.
 * Exit code 1 when one fails.
 */
export async function policyTestCommand(
  directories: readonly string[],
  options: PolicyTestOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (options.watch !== true) {
    return testOnce(directories, options, surroundings);
  }
  const color = usesColor(options.color, surroundings.env, surroundings.stderr);
  const once = async (): Promise<ExitCode> => {
    try {
      return await testOnce(directories, options, surroundings);
    } catch (error) {
      // A rule that does not compile while it is written is what watching is for.
      surroundings.stderr.write(renderFailure(error, { color, debug: options.debug === true }));
      return 2;
    }
  };
  // Before the first run: what is saved while it goes on is not missed.
  const changes = watchFiles(policyDirectories(directories));
  let exitCode = await once();
  for await (const changed of changes) {
    surroundings.stderr.write(`\n${printable(changed)} changed\n`);
    exitCode = await once();
  }
  return exitCode;
}

/** Milliseconds. Editors write a file in several steps. */
const settleTime = 150;

/**
 * The name of a Rego or data file each time that some have changed since this was called; ends only with the process.
 *
 * @throws ElfgateError `unreadable` when a directory cannot be watched.
 */
function watchFiles(directories: readonly string[]): AsyncGenerator<string> {
  let pending: string | null = null;
  let wake = (): void => {};
  for (const directory of directories) {
    try {
      watch(directory, { recursive: true }, (_event, filename) => {
        if (filename !== null && /\.(?:rego|json|ya?ml)$/.test(filename)) {
          pending = filename;
          wake();
        }
      });
    } catch (cause) {
      throw new ElfgateError('unreadable', `${directory}: cannot be watched`, {
        hint: 'name directories that exist and may be read',
        cause,
      });
    }
  }
  return (async function* () {
    for (;;) {
      if (pending === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      await new Promise((resolve) => setTimeout(resolve, settleTime));
      const changed = pending ?? '';
      pending = null;
      yield changed;
    }
  })();
}

async function testOnce(
  directories: readonly string[],
  options: PolicyTestOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const start = performance.now();
  const coverage = options.coverage === true || options.output === 'lcov';
  const everything = await testPolicies(policyDirectories(directories), {
    ...compilerOptions(surroundings.env),
    coverage,
  });
  const report = ownPart(everything, directories);
  await writeOutput(await render(report, performance.now() - start, options, surroundings), options, surroundings);
  return report.tests.every(({ outcome }) => outcome === 'pass' || outcome === 'skip') ? 0 : 1;
}

/** The built-in rules are compiled along, but whoever names a directory asks about that one. */
function ownPart({ tests, coverage }: PolicyTestReport, directories: readonly string[]): PolicyTestReport {
  const isOwn = (file: string): boolean =>
    directories.length === 0 || directories.some((directory) => !relative(directory, file).startsWith('..'));
  return {
    tests: tests.filter(({ place }) => isOwn(place.file)),
    coverage: coverage && {
      ...coverage,
      files: Object.fromEntries(
        Object.entries(coverage.files).filter(([file]) => isOwn(file) && !file.endsWith('_test.rego')),
      ),
    },
  };
}

async function render(
  report: PolicyTestReport,
  milliseconds: number,
  options: PolicyTestOptions,
  { env, stdout }: Surroundings,
): Promise<string> {
  switch (options.output) {
    case 'json':
      return `${JSON.stringify(report.coverage === null ? { tests: report.tests } : report, null, 2)}\n`;
    case 'junit': {
      const { renderTestsAsJunit } = await import('./policy-test-junit.ts');
      return renderTestsAsJunit(report.tests);
    }
    case 'lcov': {
      const { renderLcov } = await import('./policy-test-lcov.ts');
      return renderLcov(report.coverage);
    }
    case 'text': {
      const { renderTests } = await import('./policy-test-text.ts');
      const color = options.outputFile === undefined && usesColor(options.color, env, stdout);
      return renderTests(report, { color, milliseconds });
    }
  }
}
