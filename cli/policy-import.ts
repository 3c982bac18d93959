import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ElfgateError } from '../src/errors.ts';
import { importRules } from '../src/policy/adopted/import-rules.ts';
import { writeOutput } from './output.ts';
import { compilerOptions } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** `elfgate policy import FILE…`: constraints of Gatekeeper with their templates become folders of rules. */
export async function policyImportCommand(
  paths: readonly string[],
  options: SharedOptions & { readonly directory: string },
  surroundings: Surroundings,
): Promise<ExitCode> {
  const files = await importRules(paths, compilerOptions(surroundings.env));
  const places = Object.entries(files).map(([path, text]) => ({ place: join(options.directory, path), text }));
  const present = places.find(({ place }) => existsSync(dirname(place)));
  if (present !== undefined) {
    throw usageError(`${dirname(present.place)} is there already`, 'remove it first, or choose another --directory');
  }
  try {
    for (const { place, text } of places) {
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, text, { flag: 'wx' });
    }
  } catch (cause) {
    throw new ElfgateError('unreadable', `${options.directory}: cannot be written`, { cause });
  }
  await writeOutput(places.map(({ place }) => `${place}\n`).join(''), options, surroundings);
  if (options.quiet !== true) {
    surroundings.stderr.write(`  = next: elfgate policy check ${options.directory}\n`);
  }
  return 0;
}
