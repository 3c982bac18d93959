import type { ImageFacts, ImageOutcome, InspectedImage } from '../src/admission/image-facts.ts';
import type { AdmissionFinding, AdmissionJudge } from '../src/admission/judge.ts';
import { withinDeadline } from '../src/admission/within-time.ts';
import { imagesOf } from '../src/admission/workload-documents.ts';
import { ElfgateError } from '../src/errors.ts';
import type { CredentialSource } from '../src/image/registry/credentials.ts';
import { type FailureMode, isExempt, settingsFor } from '../src/policy/configuration/admission.ts';
import { valueAt } from '../src/workload/fields.ts';
import { type PodTemplate, podTemplatesOf } from '../src/workload/pod-templates.ts';
import { admitted, denied, type ReviewRequest } from './admission-review.ts';
import { denialMessage, warningText } from './answer-text.ts';
import type { Decision, ReviewedImage } from './decision.ts';
import { oneLine, warningsOf } from './message-text.ts';

/** What a review is judged with. */
export interface Bench {
  readonly judge: AdmissionJudge;
  readonly facts: ImageFacts;
  /** What pods with these templates may pull images with. */
  credentialsFor(namespace: string | null, templates: readonly PodTemplate[]): CredentialSource;
  /** Decides which exceptions still hold. */
  readonly today: Date;
}

/** Why an object is not looked at; null when it is. */
export function exemption(request: ReviewRequest, { configuration }: AdmissionJudge): string | null {
  if (request.operation === 'DELETE' || request.operation === 'CONNECT') {
    return 'nothing is started by this operation';
  }
  if (request.subResource !== null && request.subResource !== 'ephemeralcontainers') {
    return 'a subresource without containers';
  }
  // The kubelet shows static pods by a mirror that nobody can refuse: they run already.
  if (request.kind.kind === 'Pod' && valueAt(request.object, 'metadata.annotations') !== undefined) {
    const annotations = valueAt(request.object, 'metadata.annotations');
    if (typeof annotations === 'object' && annotations !== null && 'kubernetes.io/config.mirror' in annotations) {
      return 'the mirror of a static pod';
    }
  }
  return isExempt(request.namespace, configuration.admission) ? 'an exempt namespace' : null;
}

/**
 * Decides about the final state of an object.
 *
 * It never throws: what cannot be decided is denied or admitted as the configuration says, and says so.
 *
 * @param deadline when facts are no longer waited for.
 */
export async function validate(request: ReviewRequest, bench: Bench, deadline: AbortSignal): Promise<Decision> {
  const exempt = exemption(request, bench.judge);
  if (exempt !== null) {
    return { outcome: 'exempt', answer: admitted, images: [], findings: [] };
  }
  const { failure } = settingsFor(request.namespace, bench.judge.configuration.admission);
  try {
    return await judged(request, bench, deadline, failure);
  } catch (error) {
    const reason =
      error instanceof ElfgateError
        ? `${error.code}: ${error.message}`
        : 'an internal error; see the log of the webhook';
    const decision = undecidedDecision(request, failure, reason);
    return error instanceof ElfgateError ? decision : { ...decision, mistake: error };
  }
}

function undecidedDecision(request: ReviewRequest, failure: FailureMode, reason: string): Decision {
  const name = nameOf(request);
  return failure === 'closed'
    ? {
        outcome: 'undecided-denied',
        answer: denied(denialMessage(name, [], [{ image: name, reason }])),
        images: [],
        findings: [],
      }
    : {
        outcome: 'undecided-admitted',
        answer: { ...admitted, warnings: warningsOf([`elfgate admits this without having judged it: ${reason}`]) },
        images: [],
        findings: [],
      };
}

async function judged(
  request: ReviewRequest,
  bench: Bench,
  deadline: AbortSignal,
  failure: FailureMode,
): Promise<Decision> {
  const { judge } = bench;
  const { templatePaths } = judge.configuration.admission;
  const templates = podTemplatesOf(request.object, templatePaths);
  const { known, reviewed } = await imagesFor(templates, request, bench, deadline);
  const judging = judge.judge(
    {
      object: request.object,
      before: request.oldObject,
      operation: request.operation === 'CREATE' ? 'create' : 'update',
      request: request.whole,
      // Asking for the namespace would be one more request of the API server, in the time of the review.
      namespaceLabels: null,
      name: nameOf(request),
      templates,
      templatePaths,
      images: known,
    },
    request.namespace,
    bench.today,
  );
  // What is known when facts came too late is judged in the time that is kept for it.
  const verdict = deadline.aborted ? await judging : await withinDeadline(judging, deadline);
  if (verdict === null) {
    return undecidedDecision(
      request,
      failure,
      'its plugins are still being followed, which goes on; try again in a moment',
    );
  }
  const { findings, problems } = verdict;
  // A workload that was there before can be scaled, annotated and deleted whatever is found in it now.
  const unchanged = isUnchanged(templates, podTemplatesOf(request.oldObject, templatePaths));
  const unread = problems.map(
    ({ target, path, message }): ReviewedImage => ({
      image: target,
      digest: null,
      undecided: `${path} cannot be read: ${message}`,
    }),
  );
  return decide(request, {
    findings,
    reviewed: [...reviewed, ...unread],
    unchanged,
    failure,
    revision: judge.bundle.revision,
  });
}

async function imagesFor(
  templates: readonly PodTemplate[],
  request: ReviewRequest,
  { facts, credentialsFor }: Bench,
  deadline: AbortSignal,
): Promise<{ readonly known: ReadonlyMap<string, InspectedImage>; readonly reviewed: readonly ReviewedImage[] }> {
  const images = imagesOf(templates);
  const credentials = credentialsFor(request.namespace, templates);
  const outcomes = await Promise.all(images.map((image) => facts.factsOf(image, credentials, deadline)));
  const known = new Map<string, InspectedImage>();
  const reviewed = images.map((image, index): ReviewedImage => {
    const outcome = outcomes[index];
    if (outcome?.outcome === 'known') {
      known.set(image, outcome.image);
      return { image, digest: outcome.image.digest, undecided: null };
    }
    return { image, digest: null, undecided: undecidedReason(outcome) };
  });
  const withoutImage = templates.some(({ spec }) => spec.containers.some(({ image }) => image === ''));
  return {
    known,
    reviewed: withoutImage
      ? [...reviewed, { image: '', digest: null, undecided: 'a container names no image' }]
      : reviewed,
  };
}

function undecidedReason(outcome: ImageOutcome | undefined): string {
  if (outcome?.outcome === 'failed') {
    return `${outcome.error.code}: ${outcome.error.message}`;
  }
  return 'the image is being inspected, which goes on; try again in a moment';
}

interface Judged {
  readonly findings: readonly AdmissionFinding[];
  readonly reviewed: readonly ReviewedImage[];
  readonly unchanged: boolean;
  readonly failure: FailureMode;
  readonly revision: string;
}

function decide(request: ReviewRequest, { findings, reviewed, unchanged, failure, revision }: Judged): Decision {
  const open = findings.filter(({ exception }) => exception === null);
  const denying = open.filter(({ enforcement, severity }) => enforcement === 'deny' && severity === 'error');
  const undecided = reviewed.flatMap(({ image, undecided: reason }) => (reason === null ? [] : [{ image, reason }]));
  const tolerated = open.filter(({ enforcement, severity }) => enforcement !== 'dry-run' && severity === 'warning');
  const deniesUndecided = undecided.length > 0 && failure === 'closed' && !unchanged;
  const isDenied = (denying.length > 0 && !unchanged) || deniesUndecided;
  const warnings = warningsOf([
    ...(isDenied ? [] : denying.map(warningText)),
    ...(deniesUndecided
      ? []
      : undecided.map(
          ({ image, reason }) => `elfgate admits this without having judged ${oneLine(image, 50)}: ${reason}`,
        )),
    ...tolerated.map(warningText),
  ]);
  const names = (list: readonly AdmissionFinding[]): string =>
    [...new Set(list.map(({ rule }) => rule))].sort().join(',');
  const annotations = {
    denied: names(denying),
    warned: names(tolerated),
    'dry-run': names(open.filter(({ enforcement, severity }) => enforcement === 'dry-run' && severity !== 'info')),
    excepted: names(findings.filter(({ exception }) => exception !== null)),
    undecided: undecided
      .map(({ image }) => oneLine(image, 200))
      .slice(0, 8)
      .join(','),
  };
  return {
    outcome: isDenied
      ? denying.length > 0
        ? 'denied'
        : 'undecided-denied'
      : undecided.length > 0
        ? 'undecided-admitted'
        : warnings.length > 0
          ? 'warned'
          : 'admitted',
    answer: {
      allowed: !isDenied,
      message: isDenied ? denialMessage(nameOf(request), denying, deniesUndecided ? undecided : []) : null,
      warnings,
      auditAnnotations: {
        policy: revision.slice(0, 16),
        ...Object.fromEntries(Object.entries(annotations).filter(([, value]) => value !== '')),
      },
      patch: null,
    },
    images: reviewed,
    findings,
  };
}

/** Whether everything of the pods that is judged is as it was: containers with their images and mounts, and volumes. */
function isUnchanged(now: readonly PodTemplate[], before: readonly PodTemplate[]): boolean {
  const judgedParts = (templates: readonly PodTemplate[]): string =>
    JSON.stringify(templates.map(({ at, spec }) => ({ at, spec })));
  return now.length > 0 && now.length === before.length && judgedParts(now) === judgedParts(before);
}

/** `Deployment shop/gateway` */
export function nameOf({ kind, namespace, name, object }: ReviewRequest): string {
  const generated = valueAt(object, 'metadata.generateName');
  const own = name ?? (typeof generated === 'string' ? `${generated}…` : 'without a name');
  return oneLine(`${kind.kind} ${namespace === null ? '' : `${namespace}/`}${own}`, 300);
}
