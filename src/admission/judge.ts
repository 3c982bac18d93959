import type { FactsDocument } from '../facts/schema.ts';
import { settingsFor } from '../policy/configuration/admission.ts';
import type { Configuration } from '../policy/configuration/configuration.ts';
import { type JudgedFinding, judgeFindings, type RuleInForce, rulesInForce } from '../policy/enforcement.ts';
import type { PolicyFinding, RulesOn } from '../policy/evaluation.ts';
import type { PolicyBundle } from '../policy/policy-bundle.ts';
import { type NodeDemands, nodeDemands, nodeParameters } from './node-profiles.ts';
import { documentOfWorkload, documentsOfPod, type KnownWorkload } from './workload-documents.ts';

/** A finding about an object of a cluster, or about one of its images. */
export interface AdmissionFinding extends JudgedFinding {
  /** The image as written, or the object's name. */
  readonly target: string;
}

/** Judges facts by the rules that are on, with their parameters. */
export type Evaluate = (facts: FactsDocument) => Promise<readonly PolicyFinding[]>;

/** Prepares rules; those of several node profiles differ in their parameters. @throws ElfgateError `policy` */
export type PrepareRules = (bundle: PolicyBundle, rulesOn: RulesOn) => Promise<Evaluate>;

/** One configuration with its policies, ready to judge. It never changes: another configuration is another judge. */
export interface AdmissionJudge {
  readonly configuration: Configuration;
  readonly bundle: PolicyBundle;
  /**
   * Everything that the rules find in an object and its images, without what is switched off in its namespace. Sorted,
   * each finding once, however many containers share an image.
   *
   * @throws ElfgateError `evaluation` or `limit` when that cannot be decided; nothing is admitted for it.
   */
  judge(workload: KnownWorkload, namespace: string | null, today: Date): Promise<readonly AdmissionFinding[]>;
}

/** @throws ElfgateError `policy` when the policies cannot be loaded. */
export async function admissionJudge(
  bundle: PolicyBundle,
  configuration: Configuration,
  prepare: PrepareRules,
): Promise<AdmissionJudge> {
  const inForce = rulesInForce(configuration, bundle.rules);
  const anywhere = await prepare(bundle, inForce);
  const onNodes = new Map<string, Promise<Evaluate>>();

  const evaluatorFor = (demands: NodeDemands): Promise<Evaluate> => {
    const changed = [...nodeParameters(demands)].filter(([id]) => inForce.has(id));
    if (changed.length === 0) {
      return Promise.resolve(anywhere);
    }
    const key = JSON.stringify(changed);
    const prepared = onNodes.get(key) ?? prepare(bundle, withParameters(inForce, changed));
    onNodes.set(key, prepared);
    return prepared;
  };

  return {
    configuration,
    bundle,
    async judge(workload, namespace, today) {
      const findings: AdmissionFinding[] = [];
      const enforced = inNamespace(inForce, namespace, configuration);
      const judgeDocument = async (document: FactsDocument, evaluate: Evaluate): Promise<void> => {
        const target = document.subject.name;
        const judged = judgeFindings(await evaluate(document), target, today, configuration, enforced);
        findings.push(...judged.map((finding) => ({ ...finding, target })));
      };
      await judgeDocument(documentOfWorkload(workload), anywhere);
      for (const { spec } of workload.templates) {
        const demands = nodeDemands(spec.nodeSelector, configuration.admission.nodes);
        const evaluate = await evaluatorFor(demands);
        for (const document of await documentsOfPod(spec, workload.images, demands.architectures)) {
          await judgeDocument(document, evaluate);
        }
      }
      return sortedOnce(findings);
    },
  };
}

function withParameters(
  inForce: ReadonlyMap<string, RuleInForce>,
  changed: readonly (readonly [string, Readonly<Record<string, unknown>>])[],
): ReadonlyMap<string, RuleInForce> {
  const rules = new Map(inForce);
  for (const [id, parameters] of changed) {
    const rule = rules.get(id);
    if (rule !== undefined) {
      rules.set(id, { ...rule, parameters: { ...rule.parameters, ...parameters } });
    }
  }
  return rules;
}

function inNamespace(
  inForce: ReadonlyMap<string, RuleInForce>,
  namespace: string | null,
  { admission }: Configuration,
): ReadonlyMap<string, RuleInForce> {
  const { rules } = settingsFor(namespace, admission);
  if (rules.size === 0) {
    return inForce;
  }
  return new Map(
    [...inForce].flatMap(([id, rule]) => {
      const enforcement = rules.get(id) ?? rule.enforcement;
      return enforcement === 'off' ? [] : [[id, { ...rule, enforcement }] as const];
    }),
  );
}

function sortedOnce(findings: readonly AdmissionFinding[]): readonly AdmissionFinding[] {
  const once = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  const severest = { error: 0, warning: 1, info: 2 };
  return [...once.values()].sort(
    (left, right) =>
      severest[left.severity] - severest[right.severity] ||
      compareText(left.target, right.target) ||
      compareText(left.path, right.path) ||
      compareText(left.rule, right.rule) ||
      compareText(left.message, right.message),
  );
}

// By code unit, and not by locale: the order must not depend on the machine.
function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
