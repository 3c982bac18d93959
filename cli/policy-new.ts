import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import { newRule } from '../src/policy/new-rule.ts';
import { writeOutput } from './output.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** `elfgate policy new FAMILY/NAME`: the folder of a rule that compiles and whose test passes, ready to be changed. */
export async function policyNewCommand(
  id: string,
  options: SharedOptions & { readonly directory: string },
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (!/^[a-z][a-z0-9-]*\/[a-z][a-z0-9-]*$/.test(id) || id.startsWith('lib/')) {
    throw usageError(
      `${id} is not the id of a rule: FAMILY/NAME, each of lower-case letters, digits and hyphens`,
      'elfgate policy new house/no-static-binaries',
    );
  }
  const folder = join(options.directory, id);
  if (existsSync(folder)) {
    throw usageError(`${folder} is there already`, 'choose another name, or remove it first');
  }
  const files = newRule(id);
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(folder, name), text, { flag: 'wx' });
    }
  } catch (cause) {
    throw new ElfgateError('unreadable', `${folder}: cannot be written`, { cause });
  }
  await writeOutput(
    Object.keys(files)
      .map((name) => `${join(folder, name)}\n`)
      .join(''),
    options,
    surroundings,
  );
  if (options.quiet !== true) {
    surroundings.stderr.write(
      `  = next: elfgate policy test ${options.directory}; elfgate check --policy ${options.directory} TARGET\n`,
    );
  }
  return 0;
}
