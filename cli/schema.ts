import { FactsDocument } from '../src/facts/schema.ts';
import { configurationSchema } from '../src/policy/configuration/configuration-schema.ts';
import { ownPredicates } from '../src/trust/predicates/own-predicates.ts';
import type { OwnPredicateName } from '../src/trust/predicates/predicate-names.ts';
import { writeOutput } from './output.ts';
import { policiesFor } from './policies.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

/**
 * `elfgate schema NAME`: the JSON Schema of the facts document, of `elfgate.yaml`, or of a predicate that no standard
 * describes.
 */
export async function schemaCommand(
  name: 'facts' | 'config' | OwnPredicateName,
  options: SharedOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(await schemaOf(name, surroundings)),
  };
  await writeOutput(`${JSON.stringify(document, null, 2)}\n`, options, surroundings);
  return 0;
}

async function schemaOf(name: 'facts' | 'config' | OwnPredicateName, surroundings: Surroundings): Promise<object> {
  switch (name) {
    case 'facts':
      return FactsDocument;
    case 'config':
      return configurationSchema((await policiesFor({}, surroundings)).rules);
    default:
      return ownPredicates[name].schema;
  }
}
