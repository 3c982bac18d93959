import type { AdmissionFinding } from '../src/admission/judge.ts';
import { messageOf, oneLine } from './message-text.ts';

const findingsShown = 8;
const notesShown = 2;

/** What a person reads in kubectl about a denied object. */
export function denialMessage(
  name: string,
  errors: readonly AdmissionFinding[],
  undecided: readonly { readonly image: string; readonly reason: string }[],
): string {
  const counted = errors.length === 1 ? '1 finding denies it' : `${errors.length} findings deny it`;
  const head =
    errors.length > 0
      ? `elfgate denies ${oneLine(name, 200)}: ${counted}`
      : `elfgate cannot decide about ${oneLine(name, 200)}, and denies it`;
  return messageOf([
    head,
    ...undecided
      .slice(0, findingsShown)
      .map(({ image, reason }) => `undecided: ${oneLine(image, 200)}: ${oneLine(reason, 400)}`),
    ...errors.slice(0, findingsShown).flatMap(findingLines),
    ...(errors.length > findingsShown ? [`… and ${errors.length - findingsShown} findings more`] : []),
  ]);
}

function findingLines({ rule, target, path, message, notes, help }: AdmissionFinding): readonly string[] {
  const place = oneLine(`${target} ${path}`, 300);
  return [
    `error[${rule}]: ${oneLine(message, 500)}`,
    `  --> ${place}`,
    ...notes.slice(0, notesShown).map((note) => `  = ${oneLine(note, 300)}`),
    ...(help === null ? [] : [`  = fix: ${oneLine(help, 500)}`]),
    `  = more: elfgate explain ${rule}`,
  ];
}

/** A finding as a warning, the rule first: clients cut warnings at their end. */
export function warningText({ rule, path, message }: AdmissionFinding): string {
  return `elfgate ${rule}: ${message} (${path})`;
}
