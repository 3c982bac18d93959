import { ElfgateError } from '../src/errors.ts';
import { fieldsOf, flagOf, textOf } from '../src/workload/fields.ts';

export const reviewVersion = 'admission.k8s.io/v1';

/** What the API server asks (AdmissionRequest of admission.k8s.io/v1), as far as it is answered here. */
export interface ReviewRequest {
  readonly uid: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: string;
  /** `ephemeralcontainers`, `scale`; null for the object itself. */
  readonly subResource: string | null;
  /** Final also where the object has only generateName. */
  readonly name: string | null;
  readonly namespace: string | null;
  readonly user: string;
  readonly dryRun: boolean;
  /** null on DELETE. */
  readonly object: unknown;
  readonly oldObject: unknown;
  /** The AdmissionRequest as it came, for policies that were written for other programs. */
  readonly whole: object;
}

/** An answer to one review. */
export interface ReviewAnswer {
  readonly allowed: boolean;
  /** What a person reads in kubectl when it is denied. */
  readonly message: string | null;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
  /** JSON Patch (RFC 6902); null from validation, which must not change anything. */
  readonly patch: readonly JsonPatchOperation[] | null;
}

export interface JsonPatchOperation {
  readonly op: 'add' | 'replace';
  readonly path: string;
  readonly value: unknown;
}

export type ParsedReview =
  | { readonly kind: 'review'; readonly request: ReviewRequest }
  /** An AdmissionReview that cannot be judged, to be denied by its uid. */
  | { readonly kind: 'refused'; readonly uid: string; readonly message: string }
  /** Nothing that an AdmissionReview could answer. */
  | { readonly kind: 'malformed'; readonly message: string };

const operations = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;

/** Reads the body of a request as an AdmissionReview; it never throws, whatever the bytes are. */
export function parseReview(body: Uint8Array): ParsedReview {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return { kind: 'malformed', message: 'the body is not JSON' };
  }
  const review = fieldsOf(document);
  const request = fieldsOf(review.request);
  const uid = textOf(request.uid);
  if (review.kind !== 'AdmissionReview' || uid === null || uid.length > 128) {
    return { kind: 'malformed', message: 'the body is not an AdmissionReview with a request and its uid' };
  }
  if (review.apiVersion !== reviewVersion) {
    const version = textOf(review.apiVersion)?.slice(0, 64) ?? 'no version';
    return {
      kind: 'refused',
      uid,
      message: `elfgate answers AdmissionReviews of ${reviewVersion} and got ${version}: list v1 in admissionReviewVersions`,
    };
  }
  const operation = operations.find((one) => one === request.operation);
  if (operation === undefined) {
    return { kind: 'refused', uid, message: 'the AdmissionReview names no operation that there is' };
  }
  if ((operation === 'CREATE' || operation === 'UPDATE') && Object.keys(fieldsOf(request.object)).length === 0) {
    return { kind: 'refused', uid, message: `the AdmissionReview of a ${operation} holds no object` };
  }
  const { group, version, kind } = fieldsOf(request.kind);
  return {
    kind: 'review',
    request: {
      uid,
      operation,
      kind: { group: textOf(group) ?? '', version: textOf(version) ?? '', kind: textOf(kind) ?? '' },
      resource: textOf(fieldsOf(request.resource).resource) ?? '',
      subResource: textOf(request.subResource),
      name: textOf(request.name),
      namespace: textOf(request.namespace),
      user: textOf(fieldsOf(request.userInfo).username) ?? '',
      dryRun: flagOf(request.dryRun) === true,
      object: request.object ?? null,
      oldObject: request.oldObject ?? null,
      whole: request,
    },
  };
}

/** The AdmissionReview that answers: 403 and Forbidden, which kubectl shows as such, where it is denied. */
export function reviewResponse(uid: string, answer: ReviewAnswer): object {
  const { allowed, message, warnings, auditAnnotations, patch } = answer;
  return {
    apiVersion: reviewVersion,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed,
      ...(message === null
        ? {}
        : { status: { code: allowed ? 200 : 403, reason: allowed ? '' : 'Forbidden', message } }),
      ...(warnings.length === 0 ? {} : { warnings }),
      ...(Object.keys(auditAnnotations).length === 0 ? {} : { auditAnnotations }),
      ...(patch === null || patch.length === 0
        ? {}
        : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
    },
  };
}

/** Nothing to say. */
export const admitted: ReviewAnswer = {
  allowed: true,
  message: null,
  warnings: [],
  auditAnnotations: {},
  patch: null,
};

export function denied(message: string): ReviewAnswer {
  return { ...admitted, allowed: false, message };
}

/**
 * The time in which the API server wants its answer, in milliseconds: the `timeout` of the URL's query (`10s`), which it
 * sets from timeoutSeconds; 10 s, the default of that, when there is none.
 *
 * @throws ElfgateError `usage` for a timeout that is none.
 */
export function reviewTimeout(query: unknown): number {
  const text = textOf(query);
  if (text === null) {
    return 10_000;
  }
  // Go's duration format; the API server writes whole seconds.
  const [, number, unit] = /^(\d{1,6}(?:\.\d{1,9})?)(ms|s|m)$/.exec(text) ?? [];
  if (number === undefined) {
    throw new ElfgateError('usage', 'the timeout of the URL is no duration', { hint: 'as ?timeout=10s' });
  }
  const milliseconds = Number(number) * (unit === 'ms' ? 1 : unit === 's' ? 1_000 : 60_000);
  // timeoutSeconds of a webhook configuration lies between 1 and 30.
  return Math.min(Math.max(milliseconds, 1), 30_000);
}
