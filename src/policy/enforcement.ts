import type { Configuration } from './configuration/configuration.ts';
import { exceptionFor } from './configuration/exceptions.ts';
import { expiredExceptions } from './configuration/expired-exceptions.ts';
import type { PolicyFinding } from './evaluation.ts';
import { type Enforcement, parametersWithDefaults, type RuleMetadata } from './rule-metadata.ts';

/** A rule that is on: how its findings are enforced, and the value of every parameter. */
export interface RuleInForce {
  readonly enforcement: Exclude<Enforcement, 'off'>;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** A finding with what the configuration makes of it. */
export interface JudgedFinding extends PolicyFinding {
  readonly enforcement: Exclude<Enforcement, 'off'>;
  /** Why it may pass; null when it may not. It keeps its place and severity either way. */
  readonly exception: { readonly reason: string; readonly owner: string; readonly expires: string } | null;
}

/**
 * The rules that are on, by id: those of the chosen set, and those that the configuration names. Naming a rule
 * switches it on, unless it is named to switch it off.
 */
export function rulesInForce(
  configuration: Configuration,
  rules: readonly RuleMetadata[],
): ReadonlyMap<string, RuleInForce> {
  const inForce = new Map<string, RuleInForce>();
  for (const rule of rules) {
    const settings = configuration.rules.get(rule.id);
    const isInSet = configuration.ruleSet !== 'none' && rule.sets.includes(configuration.ruleSet);
    const enforcement = settings?.enforce ?? rule.enforce;
    if ((isInSet || settings !== undefined) && enforcement !== 'off') {
      inForce.set(rule.id, { enforcement, parameters: parametersWithDefaults(rule, settings?.parameters ?? {}) });
    }
  }
  return inForce;
}

/**
 * Applies enforcement and exceptions to the findings for one target.
 *
 * `deny` keeps the severity; `warn` and `dry-run` turn an error into a warning, so that the command line succeeds
 * (admission tells the two apart by `enforcement`); findings of rules that are not on are dropped. Exceptions that name
 * the target and have ended are findings themselves.
 *
 * @param today decides which exceptions still hold.
 */
export function judgeFindings(
  findings: readonly PolicyFinding[],
  target: string,
  today: Date,
  configuration: Configuration,
  inForce: ReadonlyMap<string, RuleInForce>,
): readonly JudgedFinding[] {
  const expired = expiredExceptions(configuration.exceptions, target, today).map(
    (finding): JudgedFinding => ({ ...finding, enforcement: 'warn', exception: null }),
  );
  const judged = findings.flatMap((finding): readonly JudgedFinding[] => {
    const enforcement = inForce.get(finding.rule)?.enforcement;
    if (enforcement === undefined) {
      return [];
    }
    const exception = exceptionFor(finding, target, configuration.exceptions, today);
    return [
      {
        ...finding,
        severity: enforcement !== 'deny' && finding.severity === 'error' ? 'warning' : finding.severity,
        enforcement,
        exception: exception && { reason: exception.reason, owner: exception.owner, expires: exception.expires },
      },
    ];
  });
  return [...judged, ...expired];
}
