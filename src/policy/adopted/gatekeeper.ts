import { Errors } from 'typebox/schema';
import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import { fieldsOf, textOf, valueAt } from '../../workload/fields.ts';
import { type PositionedYaml, readYaml, YamlFault } from '../configuration/positioned-yaml.ts';
import type { Enforcement, ParameterSchema } from '../rule-metadata.ts';
import { ruleMetadata } from './rule-header.ts';
import { type ConstraintTemplate, templateOf } from './template.ts';

export interface GatekeeperSource {
  readonly path: string;
  readonly text: string;
  readonly location: string;
  /** The path below which a package of a template is moved; null for a rule. */
  readonly root: readonly string[] | null;
}

/**
 * A rule for each constraint, `gatekeeper/KIND.NAME`, and the Rego of its template, whose lines are those of the manifest.
 * Templates without a constraint judge nothing, as in a cluster.
 *
 * @param manifests text by path.
 * @throws ElfgateError `policy` for a template or constraint that is not valid, and for templates of which none has one.
 */
export function gatekeeperRules(
  manifests: Readonly<Record<string, string>>,
  locations: ReadonlyMap<string, string>,
): readonly GatekeeperSource[] {
  const constraints = constraintsOf(manifests, locations);
  const used = new Set(constraints.map(({ template }) => template));
  return [
    ...[...used].flatMap(({ kind, modules, location }) =>
      modules.map(({ name, text }) => ({
        path: `gatekeeper-templates/${kind}/${name}`,
        text,
        location,
        root: templateRoot(kind),
      })),
    ),
    ...constraints.map((constraint) => ({
      path: `gatekeeper/${constraint.name}/${constraint.name}.rego`,
      text: constraintRule(constraint, templateRoot(constraint.template.kind)),
      location: constraint.location,
      root: null,
    })),
  ];
}

/**
 * The same as folders of rules of their own, whose Rego may be changed: each brings its template along.
 *
 * @returns sources by folder, to be written as Rego v1.
 * @throws ElfgateError as {@link gatekeeperRules}.
 */
export function importedRules(
  manifests: Readonly<Record<string, string>>,
  locations: ReadonlyMap<string, string>,
): readonly GatekeeperSource[] {
  return constraintsOf(manifests, locations).flatMap((constraint) => {
    const { name, template, location } = constraint;
    // Not below elfgate: what a template reads of its input is not checked against the facts.
    const root = ['gatekeeper_templates', name];
    return [
      ...template.modules.map((module) => ({
        path: `gatekeeper/${name}/${module.name}`,
        text: module.text.trimStart(),
        location: template.location,
        root,
      })),
      { path: `gatekeeper/${name}/${name}.rego`, text: constraintRule(constraint, root), location, root: null },
    ];
  });
}

function constraintsOf(
  manifests: Readonly<Record<string, string>>,
  locations: ReadonlyMap<string, string>,
): readonly Constraint[] {
  const documents = Object.entries(manifests).flatMap(([path, text]) => documentsOf(text, locations.get(path) ?? path));
  const templates = new Map<string, ConstraintTemplate>();
  for (const document of documents.filter(({ yaml }) => isOf('templates.gatekeeper.sh', yaml.value))) {
    const template = templateOf(document);
    const other = templates.get(template.kind);
    if (other !== undefined) {
      throw new ElfgateError(
        'policy',
        `${template.location} and ${other.location} are both templates of ${template.kind}`,
      );
    }
    templates.set(template.kind, template);
  }
  const constraints = documents
    .filter(({ yaml }) => isOf('constraints.gatekeeper.sh', yaml.value))
    .map((document) => constraintOf(document, templates));
  const [unused] = templates.values();
  if (constraints.length === 0 && unused !== undefined) {
    throw new ElfgateError(
      'policy',
      `${unused.location}: no constraint of kind ${unused.kind}, so it would judge nothing`,
      {
        hint: 'put the constraint, an object of apiVersion constraints.gatekeeper.sh/v1beta1, next to the template',
      },
    );
  }
  const names = new Map<string, Constraint>();
  for (const constraint of constraints) {
    const other = names.get(constraint.name);
    if (other !== undefined) {
      throw new ElfgateError(
        'policy',
        `${constraint.location} and ${other.location} are both constraint ${constraint.name}`,
      );
    }
    names.set(constraint.name, constraint);
  }
  return constraints;
}

/** One document of a manifest. */
export interface ManifestDocument {
  readonly yaml: PositionedYaml;
  /** Lines of the file before it. */
  readonly linesBefore: number;
  readonly location: string;
}

function documentsOf(text: string, location: string): readonly ManifestDocument[] {
  const documents: ManifestDocument[] = [];
  let linesBefore = 0;
  let lines: string[] = [];
  const finish = (): void => {
    const document = lines.join('\n');
    if (/^[^#\s]/m.test(document)) {
      documents.push({ yaml: read(document, linesBefore, location), linesBefore, location });
    }
    linesBefore += lines.length + 1;
    lines = [];
  };
  for (const line of text.split('\n')) {
    if (/^---(?:\s|$)/.test(line)) {
      finish();
    } else {
      lines.push(line);
    }
  }
  finish();
  return documents;
}

/**
 * Go's reader of YAML, and so every API server, lets the further lines of quoted text begin anywhere (YAML 1.2 wants them
 * deeper than their key). Spaces there are no part of the text, and more of them change nothing.
 */
function read(text: string, linesBefore: number, location: string): PositionedYaml {
  const lines = text.split('\n');
  const mended = new Set<number>();
  for (;;) {
    try {
      return readYaml(lines.join('\n'));
    } catch (error) {
      if (!(error instanceof YamlFault)) {
        throw error;
      }
      const { line, column } = error.position;
      if (error.message !== 'deficient indentation' || mended.has(line) || mended.size >= limits.configurationDepth) {
        throw new ElfgateError('policy', `${location}:${linesBefore + line}:${column}: ${error.message}`, {
          cause: error,
        });
      }
      mended.add(line);
      lines[line - 1] = ' '.repeat(2 * limits.configurationDepth) + lines[line - 1];
    }
  }
}

function isOf(group: string, object: unknown): boolean {
  return textOf(fieldsOf(object).apiVersion)?.startsWith(`${group}/`) === true;
}

interface Constraint {
  /** `KIND.NAME` in lower case: the rule's name. */
  readonly name: string;
  readonly template: ConstraintTemplate;
  readonly enforce: Enforcement;
  readonly match: object;
  readonly parameters: Readonly<Record<string, ParameterSchema>>;
  readonly location: string;
}

function constraintOf(
  { yaml, linesBefore, location }: ManifestDocument,
  templates: ReadonlyMap<string, ConstraintTemplate>,
): Constraint {
  const wrong = (path: readonly string[], sentence: string, hint?: string): ElfgateError => {
    const { line, column } = yaml.positionOfKey(path);
    return new ElfgateError(
      'policy',
      `${location}:${linesBefore + line}:${column}: ${sentence}`,
      hint === undefined ? {} : { hint },
    );
  };
  const kind = textOf(fieldsOf(yaml.value).kind) ?? '';
  const name = textOf(valueAt(yaml.value, 'metadata.name'));
  const template = templates.get(kind);
  if (template === undefined) {
    throw wrong(
      ['kind'],
      `there is no template of ${kind}`,
      'put the ConstraintTemplate of this kind next to the constraint',
    );
  }
  if (name === null) {
    throw wrong(['metadata'], 'the constraint has no name');
  }
  const given = withoutNulls(valueAt(yaml.value, 'spec.parameters') ?? {});
  const [, errors] = Errors({ ...template.parameters }, given);
  const [first] = errors;
  if (first !== undefined) {
    const path = first.instancePath.split('/').slice(1);
    throw wrong(
      ['spec', 'parameters', ...path],
      `${path.join('.') || 'parameters'} of ${kind} ${name} ${first.message}`,
      `the schema of its parameters is in ${template.location}`,
    );
  }
  return {
    name: `${kind}.${name}`.toLowerCase(),
    template,
    enforce: enforcementOf(yaml.value, (sentence) => wrong(['spec', 'enforcementAction'], sentence)),
    match: Object(withoutNulls(valueAt(yaml.value, 'spec.match') ?? {})),
    parameters: parametersOf(template, fieldsOf(given)),
    location,
  };
}

const actions: Readonly<Record<string, Enforcement>> = { deny: 'deny', warn: 'warn', dryrun: 'dry-run' };

/**
 * What `enforcementAction` says. Of scoped actions, the strictest of those that hold everywhere or before something is
 * admitted: elfgate stands in both places.
 */
function enforcementOf(constraint: unknown, wrong: (sentence: string) => ElfgateError): Enforcement {
  const action = valueAt(constraint, 'spec.enforcementAction') ?? 'deny';
  if (action !== 'scoped') {
    const enforcement = typeof action === 'string' ? actions[action] : undefined;
    if (enforcement === undefined) {
      throw wrong(`enforcementAction must be deny, warn, dryrun or scoped, not ${JSON.stringify(action)}`);
    }
    return enforcement;
  }
  const scoped = valueAt(constraint, 'spec.scopedEnforcementActions');
  const holding = (Array.isArray(scoped) ? scoped : []).flatMap((entry: unknown) => {
    const points = fieldsOf(entry).enforcementPoints;
    const isHere = (Array.isArray(points) ? points : []).some((point: unknown) =>
      ['*', 'validation.gatekeeper.sh', 'gator.gatekeeper.sh'].includes(textOf(fieldsOf(point).name) ?? ''),
    );
    return isHere ? [actions[textOf(fieldsOf(entry).action) ?? '']] : [];
  });
  const strictest = (['deny', 'warn', 'dry-run'] as const).find((one) => holding.includes(one));
  if (strictest === undefined) {
    throw wrong('no scoped action holds for *, validation.gatekeeper.sh or gator.gatekeeper.sh');
  }
  return strictest;
}

/** What the constraint gives, and the defaults of the template's schema, as an API server fills them in. */
function parametersOf(
  { parameters }: ConstraintTemplate,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, ParameterSchema>> {
  const schemas = fieldsOf(parameters.properties);
  const defaults = Object.entries(schemas).flatMap(([name, schema]) =>
    Object.hasOwn(fieldsOf(schema), 'default') ? [[name, fieldsOf(schema).default] as const] : [],
  );
  return Object.fromEntries(
    Object.entries({ ...Object.fromEntries(defaults), ...given }).map(([name, value]) => [
      name,
      { ...fieldsOf(schemas[name]), default: value },
    ]),
  );
}

/** An API server drops fields that are null. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutNulls);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, below]) => (below === null ? [] : [[key, withoutNulls(below)]])),
  );
}

/** Two templates may bring different libraries of one name along. */
function templateRoot(kind: string): readonly string[] {
  return ['elfgate', 'gatekeeper_templates', kind];
}

function constraintRule({ name, template, enforce, match, parameters }: Constraint, root: readonly string[]): string {
  const path = [...root, ...template.package].map((part) => `[${JSON.stringify(part)}]`);
  return [
    ruleMetadata({ title: template.title, description: template.description, severity: 'error', enforce, parameters }),
    `package elfgate.rules.gatekeeper[${JSON.stringify(name)}]`,
    '',
    'import data.elfgate.lib.gatekeeper',
    '',
    `match := ${JSON.stringify(match)}`,
    '',
    'findings contains gatekeeper.finding(violation, gatekeeper.unsure(match, input.workload)) if {',
    '\tinput.workload.review != null',
    '\tgatekeeper.covers(match, input.workload)',
    `\tparameters := data.elfgate.parameters.gatekeeper[${JSON.stringify(name)}]`,
    '\treview := input.workload.review',
    `\tviolations := data${path.join('')}.violation with input as {"review": review, "parameters": parameters}`,
    '\tsome violation in violations',
    '}',
    '',
  ].join('\n');
}
