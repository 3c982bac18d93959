/** Text with ANSI escape sequences, as lines of cells of one style. */

/** ECMA-48 colours 0 to 7, bright ones 8 to 15. */
export type Color = number;

export interface Style {
  readonly bold: boolean;
  readonly dim: boolean;
  /** Null is the terminal's own. */
  readonly foreground: Color | null;
  readonly background: Color | null;
}

export interface Span {
  readonly text: string;
  readonly style: Style;
  /** The first column that it covers, from 0. */
  readonly column: number;
}

export type Line = readonly Span[];

const plain: Style = { bold: false, dim: false, foreground: null, background: null };

/** Lines as a window of so many columns shows them: longer ones go on in the next, from a space if there is one. */
export function parseAnsi(text: string, columns: number): readonly Line[] {
  const lines: Line[] = [];
  let style = plain;
  for (const line of text.replace(/\n+$/, '').split('\n')) {
    const cells: Cell[] = [];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    for (const [index, part] of line.split(/\x1b\[([0-9;]*)m/).entries()) {
      if (index % 2 === 1) {
        style = styled(style, part);
      } else {
        cells.push(...[...part].map((character) => ({ character, style })));
      }
    }
    lines.push(...wrapped(cells, columns).map(spansOf));
  }
  return lines;
}

interface Cell {
  readonly character: string;
  readonly style: Style;
}

function wrapped(cells: readonly Cell[], columns: number): readonly (readonly Cell[])[] {
  if (cells.length <= columns) {
    return [cells];
  }
  const space = cells.slice(0, columns + 1).findLastIndex(({ character }) => character === ' ');
  const end = space > 0 ? space : columns;
  return [cells.slice(0, end), ...wrapped(cells.slice(space > 0 ? end + 1 : end), columns)];
}

function spansOf(cells: readonly Cell[]): Line {
  const spans: Span[] = [];
  for (const [column, { character, style }] of cells.entries()) {
    const last = spans.at(-1);
    if (last !== undefined && last.style === style) {
      spans[spans.length - 1] = { ...last, text: last.text + character };
    } else {
      spans.push({ text: character, style, column });
    }
  }
  return spans;
}

/** Select Graphic Rendition, ECMA-48 section 8.3.117, as far as programs here use it. */
function styled(before: Style, parameters: string): Style {
  let style = before;
  for (const code of parameters.split(';').map(Number)) {
    style = { ...style, ...changeOf(code) };
  }
  return style;
}

function changeOf(code: number): Partial<Style> {
  if (code >= 30 && code <= 37) {
    return { foreground: code - 30 };
  }
  if (code >= 90 && code <= 97) {
    return { foreground: code - 90 + 8 };
  }
  if (code >= 40 && code <= 47) {
    return { background: code - 40 };
  }
  switch (code) {
    case 0:
      return plain;
    case 1:
      return { bold: true };
    case 2:
      return { dim: true };
    case 22:
      return { bold: false, dim: false };
    case 39:
      return { foreground: null };
    case 49:
      return { background: null };
    default:
      return {};
  }
}
