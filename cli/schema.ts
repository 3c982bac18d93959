import { FactsDocument } from '../src/facts/schema.ts';
import { configurationSchema } from '../src/policy/configuration/configuration-schema.ts';
import { writeOutput } from './output.ts';
import { policiesFor } from './policies.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/** `elfgate schema facts|config`: the JSON Schema of the facts document, or of `elfgate.yaml`. */
export async function schemaCommand(
  name: 'facts' | 'config',
  options: SharedOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const schema = name === 'facts' ? FactsDocument : configurationSchema((await policiesFor({}, surroundings)).rules);
  const document = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema };
  await writeOutput(`${JSON.stringify(document, null, 2)}\n`, options, surroundings);
  return 0;
}
