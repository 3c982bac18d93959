import type { Annotation, ModuleOutline, Place, PolicyProblem } from './opa.ts';

export type Severity = 'error' | 'warning' | 'info';
export const severities: readonly Severity[] = ['error', 'warning', 'info'];

export type Enforcement = 'deny' | 'warn' | 'dry-run' | 'off';
export const enforcements: readonly Enforcement[] = ['deny', 'warn', 'dry-run', 'off'];

/** The named sets of rules that `ruleSet` of elfgate.yaml can choose, besides `none`. */
export type RuleSet = 'recommended' | 'strict' | 'marketplace';
export const ruleSets: readonly RuleSet[] = ['recommended', 'strict', 'marketplace'];

/** One parameter of a rule: a JSON Schema that states a default. */
export interface ParameterSchema {
  readonly description?: string;
  readonly default: unknown;
  readonly [keyword: string]: unknown;
}

/** Everything that is known about a rule without running it. Documentation, `explain` and SARIF are made of it. */
export interface RuleMetadata {
  /** `family/rule-name`: the folder, the Rego package, and the name in every output. */
  readonly id: string;
  readonly title: string;
  /** What it detects, why it matters, how to fix it; Markdown. */
  readonly description: string;
  /** Of findings that state none. */
  readonly severity: Severity;
  /** How findings are enforced where elfgate.yaml does not say. */
  readonly enforce: Enforcement;
  /** The parts of the facts document that the rule reads, such as `go.version`. */
  readonly facts: readonly string[];
  /** By name. */
  readonly parameters: Readonly<Record<string, ParameterSchema>>;
  readonly sets: readonly RuleSet[];
  readonly relatedResources: readonly { readonly url: string; readonly description: string | null }[];
  /** Relative to the directory of policies. */
  readonly file: string;
}

/** Every parameter of a rule: given values where there are some, the declared defaults for the rest. */
export function parametersWithDefaults(
  rule: RuleMetadata,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const defaults = Object.entries(rule.parameters).map(([name, schema]) => [name, schema.default]);
  return { ...Object.fromEntries(defaults), ...given };
}

const customKeys = ['severity', 'enforce', 'facts', 'params', 'sets'];
const rulesPath = ['data', 'elfgate', 'rules'];

/**
 * The rules that compiled sources hold, by id, or what keeps them from being rules.
 *
 * The convention: `FAMILY/NAME/NAME.rego` holds `package elfgate.rules.FAMILY["NAME"]`, with a METADATA block for
 * the package, and a set `findings`. Checking it here is what makes the generic gathering of `main.rego` safe: a
 * rule that it would pass over in silence is a problem.
 */
export function rulesOf(
  modules: readonly ModuleOutline[],
  annotations: readonly Annotation[],
): { readonly rules: readonly RuleMetadata[]; readonly problems: readonly PolicyProblem[] } {
  const rules: RuleMetadata[] = [];
  const problems: PolicyProblem[] = [];
  const misplaced = new Set<string>();
  const complain = (place: Place, message: string) => problems.push({ ...place, code: 'rule_convention', message });

  for (const module of modules) {
    const [family, name, ...deeper] = inRules(module.package);
    const [folder, subfolder, file, ...below] = module.file.split('/');
    const isRuleFile = below.length === 0 && file === `${subfolder}.rego` && folder !== 'lib';
    if (family === undefined) {
      // Policies that were written for other programs lie in folders of any names.
      if (isRuleFile && (module.package[1] === 'elfgate' || module.rules.includes('findings'))) {
        complain(module.place, `package of a rule in ${folder}/${subfolder} must be ${packageName(folder, subfolder)}`);
      }
      continue;
    }
    if (name === undefined) {
      complain(module.place, 'packages below elfgate.rules are named elfgate.rules.FAMILY["NAME"]');
      continue;
    }
    if (folder !== family || subfolder !== name) {
      const found = module.file.indexOf(`/${family}/${name}/`);
      complain(
        module.place,
        found === -1
          ? `this package belongs into the folder ${family}/${name}: folder, package and rule id are one`
          : `the folder that policies are read from must be the one above ${family}/${name}: name ${module.file.slice(0, found)} instead`,
      );
      misplaced.add(`${family}/${name}`);
      continue;
    }
    if (deeper.length > 0 || !isRuleFile) {
      continue;
    }
    const id = `${family}/${name}`;
    const siblings = modules.filter((other) => other.package.join('\0') === module.package.join('\0'));
    if (!siblings.some((other) => other.rules.includes('findings'))) {
      complain(module.place, `rule ${id} has no set named findings, so it could never report anything`);
    }
    const annotation = annotations.find(
      ({ path, metadata }) => metadata.scope === 'package' && path.join('\0') === module.package.join('\0'),
    );
    if (annotation === undefined) {
      complain(module.place, `rule ${id} has no METADATA block of its package`);
      continue;
    }
    rules.push(ruleOf(id, module.file, annotation, (message) => complain(annotation.place, `rule ${id}: ${message}`)));
  }

  for (const module of modules) {
    const [family, name] = inRules(module.package);
    if (
      family !== undefined &&
      name !== undefined &&
      !misplaced.has(`${family}/${name}`) &&
      !modules.some(({ file }) => file === `${family}/${name}/${name}.rego`)
    ) {
      complain(module.place, `rule ${family}/${name} lacks its file ${family}/${name}/${name}.rego`);
    }
  }
  rules.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { rules, problems };
}

function inRules(path: readonly string[]): readonly string[] {
  return rulesPath.every((part, index) => path[index] === part) ? path.slice(rulesPath.length) : [];
}

function packageName(family: string | undefined, name: string | undefined): string {
  return `elfgate.rules.${family}["${name}"]`;
}

function ruleOf(id: string, file: string, { metadata }: Annotation, complain: (message: string) => void): RuleMetadata {
  const custom = metadata.custom ?? {};
  for (const key of Object.keys(custom)) {
    if (!customKeys.includes(key)) {
      complain(`METADATA has custom.${key}, which nothing reads (known: ${customKeys.join(', ')})`);
    }
  }
  const oneOf = <Choice extends string>(key: string, choices: readonly Choice[], otherwise: Choice): Choice => {
    const found = choices.find((choice) => choice === custom[key]);
    if (found === undefined) {
      complain(`custom.${key} of METADATA must be one of ${choices.join(', ')}`);
    }
    return found ?? otherwise;
  };
  const listOf = (key: string): readonly string[] => {
    const list = custom[key];
    if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
      complain(`custom.${key} of METADATA must be a list of names`);
      return [];
    }
    return list;
  };
  if (!metadata.title) {
    complain('METADATA has no title');
  }
  if (!metadata.description) {
    complain('METADATA has no description (what it detects, why it matters, how to fix it)');
  }
  const sets = custom.sets === undefined ? [] : listOf('sets');
  const unknownSet = sets.find((set) => !ruleSets.some((known) => known === set));
  if (unknownSet !== undefined) {
    complain(`custom.sets of METADATA names ${unknownSet}; the sets are ${ruleSets.join(', ')}`);
  }
  return {
    id,
    title: metadata.title ?? '',
    description: (metadata.description ?? '').trim(),
    severity: oneOf('severity', severities, 'error'),
    enforce: custom.enforce === undefined ? 'deny' : oneOf('enforce', enforcements, 'deny'),
    facts: listOf('facts'),
    parameters: parametersOf(custom.params, complain),
    sets: ruleSets.filter((set) => sets.includes(set)),
    relatedResources: (metadata.related_resources ?? []).map(({ ref, description }) => ({
      url: ref,
      description: description ?? null,
    })),
    file,
  };
}

function parametersOf(params: unknown, complain: (message: string) => void): Readonly<Record<string, ParameterSchema>> {
  if (params === undefined) {
    return {};
  }
  if (!isObject(params)) {
    complain('custom.params of METADATA must map names to JSON Schemas');
    return {};
  }
  const parameters: Record<string, ParameterSchema> = {};
  for (const [name, schema] of Object.entries(params)) {
    if (isObject(schema) && 'default' in schema) {
      parameters[name] = { ...schema, default: schema.default };
    } else {
      complain(
        `custom.params.${name} of METADATA must be a JSON Schema with a default, so that a rule always finds a value`,
      );
    }
  }
  return parameters;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
