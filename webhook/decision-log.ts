import { type DestinationStream, type Logger, pino } from 'pino';
import type { ReviewRequest } from './admission-review.ts';
import type { Decision } from './decision.ts';
import { oneLine } from './message-text.ts';

/** Findings of one review that are recorded one by one; all are counted. */
const findingsRecorded = 32;

/** A log of JSON lines. Nothing of an object but its names goes into it: environment variables may hold secrets. */
export function jsonLog(level: string, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: errorRecord },
    },
    destination,
  );
}

/** One record a review: who asked for what, what was found by which policies in which images, and the answer. */
export function decisionRecord(
  path: string,
  request: ReviewRequest,
  decision: Decision,
  details: { readonly revision: string; readonly milliseconds: number },
): object {
  const { uid, operation, kind, namespace, name, subResource, user, dryRun } = request;
  const { outcome, answer, images, findings } = decision;
  return {
    event: 'review',
    path,
    uid,
    operation,
    kind: [kind.kind, kind.group].filter((part) => part !== '').join('.'),
    namespace,
    name: name === null ? null : oneLine(name, 300),
    subResource,
    user: oneLine(user, 300),
    dryRun,
    outcome,
    allowed: answer.allowed,
    message: answer.message === null ? null : withoutSecrets(answer.message),
    policy: details.revision,
    images: images.map(({ image, digest, undecided }) => ({
      image: oneLine(withoutSecrets(image), 300),
      digest,
      undecided: undecided === null ? null : oneLine(withoutSecrets(undecided), 500),
    })),
    findings: findings
      .slice(0, findingsRecorded)
      .map(({ rule, severity, enforcement, target, path: file, message, exception }) => ({
        rule,
        severity,
        enforcement,
        target: oneLine(target, 300),
        path: oneLine(file, 300),
        message: oneLine(withoutSecrets(message), 500),
        excepted: exception !== null,
      })),
    findingCount: findings.length,
    patched: answer.patch?.length ?? 0,
    milliseconds: Math.round(details.milliseconds * 1_000) / 1_000,
  };
}

/** Credentials of addresses and headers, as errors of registries and proxies quote them, are masked. */
export function withoutSecrets(text: string): string {
  return text
    .replaceAll(/:\/\/[^\s/@]+@/g, '://***@')
    .replaceAll(/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***')
    .replaceAll(/([?&](?:token|access_token|password|secret|sig|signature|X-Amz-\w+)=)[^&\s"]+/gi, '$1***')
    .replaceAll(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '***');
}

function errorRecord(error: unknown): unknown {
  return error instanceof Error
    ? {
        name: error.name,
        message: withoutSecrets(error.message),
        stack: withoutSecrets(error.stack ?? ''),
        ...('code' in error ? { code: error.code } : {}),
      }
    : withoutSecrets(String(error));
}
