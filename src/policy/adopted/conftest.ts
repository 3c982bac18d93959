import { ElfgateError } from '../../errors.ts';
import { didYouMean } from '../configuration/did-you-mean.ts';
import type { ModuleOutline } from '../opa.ts';
import { defaultNamespaces, type Namespaces } from './namespaces.ts';
import { ruleMetadata } from './rule-header.ts';

// Of policy/engine.go of Conftest.
const stating = /^(?:deny|violation|warn)(?:_[a-zA-Z0-9]+)*$/;

export interface ConftestRule {
  readonly path: string;
  readonly text: string;
  /** The file of the package that comes first. */
  readonly location: string;
}

/**
 * A rule for each chosen package: its id is `conftest/PACKAGE`.
 *
 * @param modules those that are not elfgate's own; packages that state nothing are libraries of others.
 * @throws ElfgateError `policy` when none of them is chosen, or a chosen one states nothing: evaluating nothing would
 * look like finding nothing.
 */
export function conftestRules(modules: readonly ModuleOutline[], namespaces: Namespaces): readonly ConftestRule[] {
  const packages = Map.groupBy(modules, ({ package: [, ...names] }) => names.join('.'));
  const statements = new Map(
    [...packages].flatMap(([name, files]) => {
      const rules = [...new Set(files.flatMap(({ rules: all }) => all))];
      const stated = rules.filter((rule) => stating.test(rule)).sort();
      return stated.length === 0 ? [] : [[name, { files, stated, excepts: rules.includes('exception') }] as const];
    }),
  );
  const chosen = namespaces === 'all' ? [...statements.keys()] : namespaces;
  if (statements.size === 0) {
    return [];
  }
  return chosen.flatMap((name) => {
    const found = statements.get(name);
    if (found === undefined) {
      if (namespaces === defaultNamespaces && chosen.some((other) => statements.has(other))) {
        return [];
      }
      const names = [...statements.keys()];
      throw new ElfgateError('policy', `package ${name} states no deny, violation or warn; ${names.join(', ')} does`, {
        hint: `--namespace ${didYouMean(name, names) ?? names[0]}, or --all-namespaces`,
      });
    }
    const [{ file: location = '' } = {}] = found.files;
    return [{ path: `conftest/${name}/${name}.rego`, text: ruleText(name, found), location }];
  });
}

function ruleText(
  name: string,
  { stated, excepts }: { readonly stated: readonly string[]; readonly excepts: boolean },
): string {
  const path = `data${name
    .split('.')
    .map((part) => `[${JSON.stringify(part)}]`)
    .join('')}`;
  const findings = stated.map((rule) => {
    const severity = rule.startsWith('warn') ? 'warning' : 'error';
    const exempt = excepts ? [`\tnot exempt[${JSON.stringify(withoutPrefix(rule))}]`] : [];
    return [
      `findings contains conftest.finding(${JSON.stringify(rule)}, value, "${severity}") if {`,
      ...exempt,
      `\tvalues := ${path}.${rule} with input as conftest.document`,
      '\tsome value in conftest.messages(values)',
      '}',
    ].join('\n');
  });
  const exempt = `exempt contains name if {\n\texceptions := ${path}.exception with input as conftest.document\n\tsome names in exceptions\n\tsome name in names\n}`;
  return [
    ruleMetadata({
      title: `package ${name}`,
      description: `What package ${name} states, which was written for Conftest: ${stated.join(', ')}.`,
      severity: 'error',
      enforce: 'deny',
      parameters: {},
    }),
    `package elfgate.rules.conftest[${JSON.stringify(name)}]`,
    '',
    'import data.elfgate.lib.conftest',
    '',
    ...findings.map((text) => `${text}\n`),
    ...(excepts ? [`${exempt}\n`] : []),
  ].join('\n');
}

/** An exception names a rule by what follows its kind; deny alone by nothing. */
function withoutPrefix(rule: string): string {
  return rule.replace(/^(?:deny|violation|warn)_?/, '');
}
