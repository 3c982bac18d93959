import { limits } from '../limits.ts';
import { settingsFor } from '../policy/configuration/admission.ts';
import type { Configuration } from '../policy/configuration/configuration.ts';
import { type JudgedFinding, judgeFindings, type RuleInForce, rulesInForce } from '../policy/enforcement.ts';
import type { PolicyFinding, RulesOn } from '../policy/evaluation.ts';
import type { PolicyBundle } from '../policy/policy-bundle.ts';
import type { ValueImage } from '../policy/value-image.ts';
import type { PodTemplate } from '../workload/pod-templates.ts';
import type { InspectedImage } from './image-facts.ts';
import { type NodeDemands, nodeDemands, nodeParameters } from './node-profiles.ts';
import { documentPreparation, type PreparedDocument, preparedDocument } from './prepared-documents.ts';
import { documentOfWorkload, type KnownWorkload, readsReview } from './workload-documents.ts';

/** A finding about an object of a cluster, or about one of its images. */
export interface AdmissionFinding extends JudgedFinding {
  /** The image as written, or the object's name. */
  readonly target: string;
}

/** What the rules find, and what they could not see. */
export interface Verdict {
  /** The severest first, each once, however many containers share an image. */
  readonly findings: readonly AdmissionFinding[];
  /** Files that could not be read: nothing is known about them, so that they do not pass either. */
  readonly problems: readonly UnreadFile[];
}

export interface UnreadFile {
  /** The image as written. */
  readonly target: string;
  readonly path: string;
  readonly message: string;
}

/** Judges facts by the rules that are on, with their parameters. */
export interface Evaluator {
  /**
   * @param inputs facts documents as {@link import('../policy/evaluation-input.ts').encodeInput} encodes them.
   * @returns the findings for each, in their order.
   */
  evaluate(inputs: readonly ValueImage[]): Promise<readonly (readonly PolicyFinding[])[]>;
  /** Answers what was handed in, then takes nothing more. */
  close(): Promise<void>;
}

/** Prepares rules; those of several node profiles differ in their parameters. @throws ElfgateError `policy` */
export type PrepareRules = (bundle: PolicyBundle, rulesOn: RulesOn) => Promise<Evaluator>;

/** One configuration with its policies, ready to judge. It never changes: another configuration is another judge. */
export interface AdmissionJudge {
  readonly configuration: Configuration;
  readonly bundle: PolicyBundle;
  /**
   * Everything that the rules find in an object and its images, without what is switched off in its namespace.
   *
   * @throws ElfgateError `evaluation` or `limit` when that cannot be decided; nothing is admitted for it.
   */
  judge(workload: KnownWorkload, namespace: string | null, today: Date): Promise<Verdict>;
  /** The same for images alone, whatever the object around them: as Gatekeeper's constraints ask. */
  judgeImages(
    templates: readonly PodTemplate[],
    images: ReadonlyMap<string, InspectedImage>,
    today: Date,
  ): Promise<Verdict>;
  /** For a judge that no review has any more. */
  close(): Promise<void>;
}

/** @throws ElfgateError `policy` when the policies cannot be loaded. */
export async function admissionJudge(
  bundle: PolicyBundle,
  configuration: Configuration,
  prepare: PrepareRules,
): Promise<AdmissionJudge> {
  const inForce = rulesInForce(configuration, bundle.rules);
  const anywhere = await prepare(bundle, inForce);
  const review = readsReview(bundle.rules.filter(({ id }) => inForce.has(id))) ? 'stated' : 'omitted';
  const onNodes = new Map<string, Promise<Evaluator>>();
  const prepareDocuments = documentPreparation(limits.documentsMemoryBytes);

  const evaluatorFor = (demands: NodeDemands): Promise<Evaluator> => {
    const changed = [...nodeParameters(demands)].filter(([id]) => inForce.has(id));
    if (changed.length === 0) {
      return Promise.resolve(anywhere);
    }
    const key = JSON.stringify(changed);
    const prepared = onNodes.get(key) ?? prepare(bundle, withParameters(inForce, changed));
    onNodes.set(key, prepared);
    return prepared;
  };

  const judgeDocuments = async (
    questions: readonly Question[],
    enforced: ReadonlyMap<string, RuleInForce>,
    today: Date,
  ): Promise<readonly Verdict[]> => {
    // All that is for one evaluator together: a thread is woken once and not for each.
    const byEvaluator = Map.groupBy(questions, ({ evaluator }) => evaluator);
    const verdicts = await Promise.all(
      [...byEvaluator].map(async ([evaluator, asked]) => {
        const findings = await evaluator.evaluate(asked.map(({ document }) => document.input));
        return asked.map(({ document: { target, problems } }, index): Verdict => {
          const judged = judgeFindings(findings[index] ?? [], target, today, configuration, enforced);
          return {
            findings: judged.map((finding) => ({ ...finding, target })),
            problems: problems.map(({ path, message }) => ({ target, path, message })),
          };
        });
      }),
    );
    return verdicts.flat();
  };

  const questionsAbout = async (
    templates: readonly PodTemplate[],
    images: ReadonlyMap<string, InspectedImage>,
  ): Promise<readonly Question[]> => {
    const questions: Question[] = [];
    for (const { spec } of templates) {
      const demands = nodeDemands(spec.nodeSelector, configuration.admission.nodes);
      const evaluator = await evaluatorFor(demands);
      const documents = await prepareDocuments(spec, images, demands.architectures);
      questions.push(...documents.map((document) => ({ document, evaluator })));
    }
    return questions;
  };

  return {
    configuration,
    bundle,
    async judge(workload, namespace, today) {
      const enforced = inNamespace(inForce, namespace, configuration);
      const object = { document: preparedDocument(documentOfWorkload(workload, review)), evaluator: anywhere };
      const pods = await questionsAbout(workload.templates, workload.images);
      return together(await judgeDocuments([object, ...pods], enforced, today));
    },
    judgeImages: async (templates, images, today) =>
      together(await judgeDocuments(await questionsAbout(templates, images), inForce, today)),
    async close() {
      const prepared = await Promise.allSettled(onNodes.values());
      const evaluators = prepared.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      await Promise.all([anywhere, ...evaluators].map((evaluator) => evaluator.close()));
    },
  };
}

/** A document, and by which rules it is judged. */
interface Question {
  readonly document: PreparedDocument;
  readonly evaluator: Evaluator;
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

function together(verdicts: readonly Verdict[]): Verdict {
  return {
    findings: sorted(once(verdicts.flatMap(({ findings }) => findings))),
    problems: once(verdicts.flatMap(({ problems }) => problems)),
  };
}

function once<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

function sorted(findings: readonly AdmissionFinding[]): readonly AdmissionFinding[] {
  const severest = { error: 0, warning: 1, info: 2 };
  return findings.toSorted(
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
