import { Errors } from 'typebox/schema';
import type { Annotation, PolicyProblem } from './opa.ts';
import type { RuleMetadata } from './rule-metadata.ts';

/** Declared defaults that contradict their own schema, as problems of the METADATA that declares them. */
export function defaultProblems(
  rules: readonly RuleMetadata[],
  annotations: readonly Annotation[],
): readonly PolicyProblem[] {
  return rules.flatMap((rule) => {
    const declared = annotations.find(
      ({ place, metadata }) => place.file === rule.file && metadata.scope === 'package',
    );
    const place = declared?.place ?? { file: rule.file, row: 1, col: 1 };
    return Object.entries(rule.parameters).flatMap(([name, schema]) => {
      const [, errors] = Errors({ ...schema }, schema.default);
      return errors.map(({ instancePath, message }) => ({
        ...place,
        code: 'rule_convention',
        message: `rule ${rule.id}: the default of custom.params.${name} breaks its own schema: ${instancePath || 'it'} ${message}`,
      }));
    });
  });
}
