import { writeFileSync } from 'node:fs';
import { ElfgateError } from '../src/errors.ts';
import { printable } from '../src/findings/printable.ts';
import { formatPolicies } from '../src/policy/compile-policies.ts';
import { writeOutput } from './output.ts';
import { compilerOptions } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/**
 * `elfgate policy fmt DIR…`: Rego as OPA formats it. Prints it, or with `--write` puts it where it differs; `--check`
 * names the files that differ, and the exit code is 1 when there are any.
 */
export async function policyFormatCommand(
  paths: readonly string[],
  options: SharedOptions & { readonly write?: boolean; readonly check?: boolean },
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (options.write === true && options.check === true) {
    throw usageError('--write and --check exclude each other', 'elfgate policy fmt --write DIR');
  }
  const files = await formatPolicies(paths, compilerOptions(surroundings.env));
  const changed = files.filter((file) => file.changed);
  if (options.write === true) {
    for (const { location, text } of changed) {
      try {
        writeFileSync(location, text);
      } catch (cause) {
        throw new ElfgateError('unreadable', `${location}: cannot be written`, { cause });
      }
    }
  }
  if (options.output === 'json') {
    const listed = files.map(({ location, changed: differs }) => ({ file: location, changed: differs }));
    await writeOutput(`${JSON.stringify({ files: listed }, null, 2)}\n`, options, surroundings);
  } else if (options.write === true || options.check === true) {
    await writeOutput(changed.map(({ location }) => `${printable(location)}\n`).join(''), options, surroundings);
  } else {
    await writeOutput(files.map(({ text }) => text).join('\n'), options, surroundings);
  }
  return options.check === true && changed.length > 0 ? 1 : 0;
}
