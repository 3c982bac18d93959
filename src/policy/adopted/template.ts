import { ElfgateError } from '../../errors.ts';
import { elementsOf, fieldsOf, textOf, valueAt } from '../../workload/fields.ts';
import type { ManifestDocument } from './gatekeeper.ts';

/** A ConstraintTemplate of Gatekeeper: Rego with parameters, of which constraints are made. */
export interface ConstraintTemplate {
  /** Of its constraints. */
  readonly kind: string;
  readonly title: string;
  readonly description: string;
  /** The package that states `violation`. */
  readonly package: readonly string[];
  /** Its Rego, of either version. Lines are those of the manifest. */
  readonly modules: readonly { readonly name: string; readonly text: string }[];
  /** JSON Schema of `spec.parameters` of its constraints. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly location: string;
}

const target = 'admission.k8s.gatekeeper.sh';

/** @throws ElfgateError `policy` for a template that is not valid, or is written in another language than Rego. */
export function templateOf({ yaml, linesBefore, location }: ManifestDocument): ConstraintTemplate {
  const wrong = (path: readonly string[], sentence: string, hint?: string): ElfgateError => {
    const { line, column } = yaml.positionOfKey(path);
    return new ElfgateError(
      'policy',
      `${location}:${linesBefore + line}:${column}: ${sentence}`,
      hint === undefined ? {} : { hint },
    );
  };
  const kind = textOf(valueAt(yaml.value, 'spec.crd.spec.names.kind'));
  if (kind === null) {
    throw wrong(['spec'], 'the template names no kind of constraints (spec.crd.spec.names.kind)');
  }
  const targets = elementsOf(valueAt(yaml.value, 'spec.targets'));
  const [only] = targets;
  if (targets.length !== 1 || fieldsOf(only).target !== target) {
    throw wrong(['spec', 'targets'], `the template of ${kind} must have one target, ${target}`);
  }
  const engines = elementsOf(fieldsOf(only).code);
  const index = engines.findIndex((engine) => fieldsOf(engine).engine === 'Rego');
  if (engines.length > 0 && index === -1) {
    const names = engines.map((engine) => textOf(fieldsOf(engine).engine)).join(', ');
    throw wrong(
      ['spec', 'targets', '0', 'code'],
      `the template of ${kind} is written for ${names}, and elfgate evaluates Rego`,
      'a ValidatingAdmissionPolicy of the cluster evaluates CEL',
    );
  }
  const path = ['spec', 'targets', '0', ...(index === -1 ? [] : ['code', String(index), 'source'])];
  const source = index === -1 ? fieldsOf(only) : fieldsOf(fieldsOf(engines[index]).source);
  const rego = textOf(source.rego);
  const name = /^\s*package\s+([\w.]+)/m.exec(rego ?? '')?.[1];
  if (rego === null || name === undefined) {
    throw wrong(path, `the template of ${kind} holds no Rego with a package`);
  }
  const aligned = (text: string, ...at: readonly string[]): string => {
    const { line } = yaml.positionOfValue([...path, ...at]);
    return '\n'.repeat(Math.max(0, linesBefore + line - 1)) + text;
  };
  const annotations = fieldsOf(valueAt(yaml.value, 'metadata.annotations'));
  return {
    kind,
    title: textOf(annotations['metadata.gatekeeper.sh/title']) ?? kind,
    description: textOf(annotations.description) ?? `Violations of ${kind}, a template of Gatekeeper.`,
    package: name.split('.'),
    modules: [
      { name: 'template.rego', text: aligned(rego, 'rego') },
      ...elementsOf(source.libs).map((text, position) => ({
        name: `library-${position}.rego`,
        text: aligned(String(text), 'libs', String(position)),
      })),
    ],
    parameters: fieldsOf(valueAt(yaml.value, 'spec.crd.spec.validation.openAPIV3Schema')),
    location,
  };
}
