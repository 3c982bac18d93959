import { Rejection } from './rejection.ts';
import { listOf, objectOf, textOf, untrustedJson } from './untrusted-json.ts';

/**
 * An in-toto statement: a claim of some type about artifacts that are named by digest.
 * https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md
 */
export interface Statement {
  readonly predicateType: string;
  readonly predicate: unknown;
  /** SHA-256 digests, hexadecimal, of what it is about. */
  readonly subjects: readonly string[];
}

/** The payload type of envelopes that hold statements. */
export const statementPayloadType = 'application/vnd.in-toto+json';

const statementTypes = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

const mostSubjects = 1_024;

/** @throws Rejection */
export function readStatement(payload: Uint8Array): Statement {
  const statement = objectOf(untrustedJson(payload, 'the statement'), 'the statement');
  const type = textOf(statement._type, "the statement's _type");
  if (!statementTypes.includes(type)) {
    throw new Rejection('the payload is not an in-toto statement');
  }
  const subjects = listOf(statement.subject, "the statement's subject");
  if (subjects.length > mostSubjects) {
    throw new Rejection(`the statement has ${subjects.length} subjects, above the limit of ${mostSubjects}`);
  }
  return {
    predicateType: textOf(statement.predicateType, "the statement's predicateType"),
    predicate: statement.predicate ?? null,
    subjects: subjects.flatMap((subject) => {
      const digest = objectOf(objectOf(subject, 'a subject').digest, "a subject's digest").sha256;
      return digest === undefined ? [] : [textOf(digest, "a subject's digest")];
    }),
  };
}

/** Rejects a statement about something else. @param digest hexadecimal SHA-256. @throws Rejection */
export function requireSubject(statement: Statement, digest: string): void {
  if (!statement.subjects.includes(digest)) {
    throw new Rejection(
      statement.subjects.length === 0
        ? 'the statement names no digest'
        : `the statement is about sha256:${shown(statement.subjects[0])}, not about sha256:${digest}`,
    );
  }
}

// Whatever stands there was written by whoever made the statement.
function shown(digest: string | undefined): string {
  return /^[0-9a-f]{64}$/.test(digest ?? '') ? `${digest}` : '(no digest)';
}
