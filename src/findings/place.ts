import type { Finding, FindingEvidence } from './finding.ts';

/** The path of a finding's file as one text: a target that is the file itself, or the target and the path in it. */
export function filePath({ target, path }: Pick<Finding['subject'], 'target' | 'path'>): string {
  const joined = path === target ? target : `${target.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
  return joined.replace(/^(?:\.\/+)+/, '');
}

/** A piece of evidence as one line: `plugin: go1.25.5 (.go.buildinfo+0x10)`, with the file where it is another one. */
export function evidenceLine({ at, label, value, target, path }: FindingEvidence, { subject }: Finding): string {
  const isElsewhere = path !== undefined && (path !== subject.path || target !== undefined);
  const file = isElsewhere ? `${filePath({ target: target ?? subject.target, path })} ` : '';
  return `${label}: ${value} (${file}${at})`;
}

/** Everything below a finding's message that its reader needs to act: evidence, notes, exception, fix, a line each. */
export function detailLines(finding: Finding): readonly string[] {
  const { evidence, notes, exception, help } = finding;
  return [
    ...evidence.map((piece) => evidenceLine(piece, finding)),
    ...notes,
    ...(exception === null ? [] : [`excepted until ${exception.expires} by ${exception.owner}: ${exception.reason}`]),
    ...(help === null ? [] : [`fix: ${help}`]),
  ];
}
