import { printable } from '../src/findings/printable.ts';

/**
 * Bounds of texts that go back to the API server (**measured** on 1.36): a warning of more than 120 characters is cut by
 * clients, past 4,096 in all each is cut to 256 and the rest is dropped; a warning with a control character is dropped
 * in silence; messages go to the terminal as they are, whatever their length.
 */
const warningCharacters = 120;
const allWarningsCharacters = 4_096;
const messageCharacters = 8_192;
/** Lines of one message, so that the one that counts stays on the screen. */
const messageLines = 60;

/** One line that does nothing to a terminal, no longer than so many characters. */
export function oneLine(text: string, most: number): string {
  const clean = printable(text.replaceAll(/\s+/g, ' ').trim());
  return shortened(clean, most);
}

/** A message of several lines, each clean, and not too many of them. */
export function messageOf(lines: readonly string[]): string {
  const clean = lines.map((line) => shortened(printable(line), 1_024));
  const kept =
    clean.length > messageLines
      ? [...clean.slice(0, messageLines - 1), `… and ${clean.length - messageLines + 1} lines more`]
      : clean;
  return shortened(kept.join('\n'), messageCharacters);
}

/** Warnings as the API server hands them on: single lines, each once, and so many that none is dropped in silence. */
export function warningsOf(texts: readonly string[]): readonly string[] {
  const distinct = [...new Set(texts.map((text) => oneLine(text, warningCharacters)))].filter((text) => text !== '');
  const warnings: string[] = [];
  // Room for the line that says how many are left out.
  let room = allWarningsCharacters - warningCharacters;
  for (const [index, text] of distinct.entries()) {
    room -= text.length;
    if (room < 0) {
      return [...warnings, `elfgate: ${distinct.length - index} more warnings; see the log of the webhook`];
    }
    warnings.push(text);
  }
  return warnings;
}

// Half a surrogate pair at the cut would not be valid JSON for every reader.
function shortened(text: string, most: number): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.length <= most ? whole : `${whole.slice(0, most - 1).toWellFormed()}…`;
}
