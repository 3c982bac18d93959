import { printable } from './printable.ts';

/**
 * Text for an XML 1.0 or HTML document, in an element or in a quoted attribute. Characters that XML cannot hold in any
 * form (XML 1.0, section 2.2) and those that would act on a reader are written out first.
 */
export function markupText(text: string): string {
  return printable(text.toWellFormed())
    .replaceAll(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
    .replaceAll(/[&<>"']/g, (character) => references[character] ?? character);
}

/** The same for several lines, whose breaks stay. */
export function markupLines(lines: readonly string[]): string {
  return lines.map(markupText).join('\n');
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
