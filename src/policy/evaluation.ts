import { ElfgateError } from '../errors.ts';
import type { PolicyBundle } from './policy-bundle.ts';
import { type RuleMetadata, type Severity, severities } from './rule-metadata.ts';
import { tracedPrefix } from './running-rule.ts';
import { type EvaluationConditions, loadWasmPolicy } from './wasm-policy.ts';

/** One piece of what a finding rests on. */
export interface Evidence {
  /** Where in the binary: `.go.buildinfo+0x10`. */
  readonly at: string;
  readonly label: string;
  readonly value: string;
  /** Path of another file than the finding's, where the evidence is there. */
  readonly path?: string;
  /** Target that holds that file, where it is another than the finding's. */
  readonly target?: string;
}

/** What a rule says about one binary. */
export interface PolicyFinding {
  readonly rule: string;
  readonly severity: Severity;
  /** The path of the binary in the facts document. */
  readonly path: string;
  readonly message: string;
  readonly evidence: readonly Evidence[];
  /** Further facts, a line each. */
  readonly notes: readonly string[];
  /** How to mend it, or null where nothing can be done. */
  readonly help: string | null;
}

/** The rules that are on, by id, with the value of every parameter. */
export type RulesOn = ReadonlyMap<string, { readonly parameters: Readonly<Record<string, unknown>> }>;

/** Rules with their parameters, ready to judge facts documents. */
export interface Policy {
  readonly bundle: PolicyBundle;
  /**
   * The findings of all rules that are on, sorted by path, rule and message.
   *
   * @throws ElfgateError `evaluation` when the policy fails or its findings are not of the agreed shape; `limit` when
   * the facts are too large.
   */
  evaluate(facts: unknown): readonly PolicyFinding[];
}

/**
 * Prepares the rules that are on.
 *
 * @throws ElfgateError `policy` when the bundle cannot be loaded, or `rulesOn` names a rule that it does not hold.
 */
export async function loadPolicy(
  bundle: PolicyBundle,
  rulesOn: RulesOn,
  conditions: EvaluationConditions = {},
): Promise<Policy> {
  const rules = new Map(bundle.rules.map((rule) => [rule.id, rule]));
  const policy = await loadWasmPolicy(bundle.wasm, baseData(bundle, rulesOn), conditions);
  return {
    bundle,
    evaluate(facts) {
      return findingsOf(policy.evaluate(facts), rules);
    },
  };
}

/**
 * Base data as rules read it: what the bundle brings along, and `data.elfgate.parameters.FAMILY.NAME`. Rules that are off have none, and do not run.
 *
 * @throws ElfgateError `policy` when `rulesOn` names a rule that the bundle does not hold.
 */
export function baseData({ rules, data }: PolicyBundle, rulesOn: RulesOn): object {
  const families: Record<string, Record<string, unknown>> = {};
  for (const [id, { parameters }] of rulesOn) {
    if (!rules.some((rule) => rule.id === id)) {
      throw new ElfgateError('policy', `the policies hold no rule ${id}`);
    }
    const [family = '', name = ''] = id.split('/');
    families[family] = { ...families[family], [name]: parameters };
  }
  return { ...data, elfgate: { parameters: families } };
}

/**
 * The findings in a verdict, sorted by path, rule and message.
 *
 * @throws ElfgateError `evaluation` when they are not of the agreed shape.
 */
export function findingsOf(verdict: unknown, rules: ReadonlyMap<string, RuleMetadata>): readonly PolicyFinding[] {
  if (!isObject(verdict) || !isObject(verdict.findings)) {
    throw new ElfgateError('evaluation', 'the verdict of the policy has no findings by rule');
  }
  const findings: PolicyFinding[] = [];
  for (const [traced, found] of Object.entries(verdict.findings)) {
    const rule = traced.startsWith(tracedPrefix) ? rules.get(traced.slice(tracedPrefix.length)) : undefined;
    if (rule === undefined) {
      throw new ElfgateError('evaluation', `the policy gave findings of no known rule: ${traced}`);
    }
    if (!Array.isArray(found)) {
      throw new ElfgateError('evaluation', `the findings of rule ${rule.id} are no set: ${JSON.stringify(found)}`);
    }
    for (const finding of found) {
      findings.push(findingOf(finding, rule));
    }
  }
  return findings.sort(compareFindings);
}

/** By path, rule and message: two runs print the same bytes. */
function compareFindings(a: PolicyFinding, b: PolicyFinding): number {
  return (
    compareText(a.path, b.path) ||
    compareText(a.rule, b.rule) ||
    compareText(a.message, b.message) ||
    compareText(JSON.stringify(a), JSON.stringify(b))
  );
}

const findingKeys = ['severity', 'path', 'message', 'evidence', 'notes', 'help'];
const evidenceKeys = ['at', 'label', 'value', 'path', 'target'];

function findingOf(finding: unknown, rule: RuleMetadata): PolicyFinding {
  const wrong = (sentence: string) =>
    new ElfgateError('evaluation', `rule ${rule.id} gave a finding that ${sentence}: ${JSON.stringify(finding)}`, {
      hint: `findings are { path, message, evidence: [{ at, label, value, path, target }], notes, help, severity }; see ${rule.file}`,
    });
  if (!isObject(finding)) {
    throw wrong('is no object');
  }
  const { path, message, evidence = [], notes = [], help = null, severity = rule.severity } = finding;
  const unknownKey = Object.keys(finding).find((key) => !findingKeys.includes(key));
  if (unknownKey !== undefined) {
    throw wrong(`has the field ${unknownKey}, which nothing reads`);
  }
  if (typeof path !== 'string' || typeof message !== 'string' || message === '') {
    throw wrong('has no path or no message');
  }
  if (help !== null && typeof help !== 'string') {
    throw wrong('has a help that is no text');
  }
  const known = severities.find((one) => one === severity);
  if (known === undefined) {
    throw wrong(`has a severity other than ${severities.join(', ')}`);
  }
  if (!Array.isArray(evidence)) {
    throw wrong('has evidence that is no list');
  }
  if (!Array.isArray(notes) || !notes.every((note) => typeof note === 'string')) {
    throw wrong('has notes that are no list of texts');
  }
  return {
    rule: rule.id,
    severity: known,
    path,
    message,
    evidence: evidence.map((piece) => {
      const isKnown = isObject(piece) && Object.keys(piece).every((key) => evidenceKeys.includes(key));
      const shown = isKnown ? evidenceOf(piece) : null;
      if (shown === null) {
        throw wrong('has evidence other than { at, label, value } of texts, with path and target where they differ');
      }
      return shown;
    }),
    notes,
    help: help === '' ? null : help,
  };
}

/** Numbers and booleans of the facts may stand in evidence as they are: it is there to be read. */
function evidenceOf(piece: Readonly<Record<string, unknown>>): Evidence | null {
  const { at, label, value, path, target } = piece;
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof at !== 'string' || typeof label !== 'string' || typeof text !== 'string') {
    return null;
  }
  if ((path !== undefined && typeof path !== 'string') || (target !== undefined && typeof target !== 'string')) {
    return null;
  }
  return {
    at,
    label,
    value: text,
    ...(path === undefined ? {} : { path }),
    ...(target === undefined ? {} : { target }),
  };
}

/** By code unit, and not by locale: the order must not depend on the machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
