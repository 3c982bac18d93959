import type { Target } from '../src/facts/inspected-target.ts';
import type { Report } from '../src/findings/finding.ts';
import { type ReportFormat, reportFormats } from '../src/findings/formats.ts';
import { reportOn } from '../src/findings/report.ts';
import type { FailOn, RenderReport } from '../src/findings/report-context.ts';
import { limits } from '../src/limits.ts';
import { expiredExceptionRule } from '../src/policy/configuration/expired-exceptions.ts';
import { rulesInForce } from '../src/policy/enforcement.ts';
import { loadPolicy } from '../src/policy/evaluation.ts';
import type { RuleMetadata } from '../src/policy/rule-metadata.ts';
import { timeLimited } from '../src/policy/time-limit.ts';
import { documentsOfTargets } from './documents.ts';
import { type ImageOptions, imageAccess } from './images.ts';
import { usesColor, writeOutput } from './output.ts';
import { assertOwnRuleOn, configurationFor, type PolicyOptions, policiesFor, programFor } from './policies.ts';
import { reportProblems } from './problems.ts';
import { startProgress } from './progress.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';
import { trustInspectorFor } from './trust.ts';
import { version } from './version.ts';

export interface CheckOptions extends SharedOptions, ImageOptions, PolicyOptions {
  readonly host?: readonly string[];
  readonly plugin?: readonly string[];
  readonly failOn: FailOn;
  readonly output: ReportFormat;
}

/** `elfgate check TARGET…`: findings of all rules that are on. */
export async function checkCommand(
  names: readonly string[],
  options: CheckOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const targets = targetsOf(names, options);
  if (targets.length === 0) {
    throw usageError(
      'check needs at least one target',
      'elfgate check ./server, or elfgate check --host ./server --plugin ./audit.so',
    );
  }
  const bundle = await policiesFor(options, surroundings);
  const configuration = await configurationFor(options, surroundings, bundle);
  const inForce = rulesInForce(configuration, bundle.rules);
  assertOwnRuleOn(bundle, inForce, options);
  const progress = startProgress(options, surroundings, Date.now);
  const images = imageAccess(options, configuration.registries, surroundings);
  const trust = trustInspectorFor(configuration, bundle.rules, inForce, options, surroundings);
  const reading = { symbols: 'counted', onFile: progress.file, trust } as const;
  // Policies are compiled on a thread of their own while targets are read.
  const [policy, documents] = await Promise.all([
    loadPolicy(bundle, inForce, {
      limited: timeLimited(limits.evaluationMilliseconds),
      program: programFor(surroundings),
    }),
    documentsOfTargets(targets, reading, images).finally(() => {
      progress.end();
      images.close();
    }),
  ]);
  const report = reportOn(documents, { policy, configuration, inForce, today: new Date() });
  const rules = [...bundle.rules.filter(({ id }) => inForce.has(id)), expiredExceptionRule];
  await writeOutput(await render(report, rules, options, surroundings), options, surroundings);
  const isWithoutFiles = report.summary.binaries === 0 && documents.every(({ workload }) => workload === null);
  if (isWithoutFiles && options.quiet !== true) {
    surroundings.stderr.write('  = no ELF or Wasm file was found: check that this is the right directory\n');
  }
  if (reportProblems(documents, options, surroundings)) {
    return 2;
  }
  return fails(report, options.failOn) ? 1 : 0;
}

/** A target may be named twice, once for its role: it is inspected once. */
function targetsOf(names: readonly string[], { host = [], plugin = [] }: CheckOptions): readonly Target[] {
  const roles = new Map<string, Target['role']>(names.map((name) => [name, null]));
  for (const name of host) {
    roles.set(name, 'host');
  }
  for (const name of plugin) {
    if (roles.get(name) === 'host') {
      throw usageError(`${name} is named as host and as plugin`, 'give each target one role');
    }
    roles.set(name, 'plugin');
  }
  return [...roles].map(([name, role]) => ({ name, role }));
}

async function render(
  report: Report,
  rules: readonly RuleMetadata[],
  options: CheckOptions,
  { env, stdout }: Surroundings,
): Promise<string> {
  const renderReport: RenderReport = await reportFormats[options.output]();
  const toTerminal = options.outputFile === undefined;
  return renderReport(report, {
    rules,
    failOn: options.failOn,
    version: version(),
    color: toTerminal && usesColor(options.color, env, stdout),
    columns: toTerminal && stdout.isTTY === true ? Math.max(40, stdout.columns) : null,
  });
}

function fails({ summary }: Report, failOn: FailOn): boolean {
  return failOn !== 'never' && (summary.error > 0 || (failOn === 'warning' && summary.warning > 0));
}
