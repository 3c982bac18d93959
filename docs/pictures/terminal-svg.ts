/** A terminal window as SVG, legible on light and dark pages. */

import type { Line, Span, Style } from './ansi.ts';

export interface WindowOptions {
  readonly columns: number;
  /** Stands in the title bar. */
  readonly title: string;
}

// Pixels. Monospaced fonts are some 0.6 em wide; every span is fitted to the grid, whichever font it gets.
const fontSize = 13;
const cellWidth = 7.8;
const lineHeight = 19;
const padding = 18;
const barHeight = 34;

const fonts = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace";

const window = { fill: '#12161e', border: '#39414d', text: '#e6edf3', dim: '#848d97' };
const palette = [
  ...['#0d1117', '#ff7b72', '#7ee787', '#e3b341', '#79c0ff', '#d2a8ff', '#6bd9e0', '#e6edf3'],
  ...['#6e7681', '#ffa198', '#a6f0ac', '#f0cd6a', '#a5d6ff', '#e2c5ff', '#9aeaf0', '#ffffff'],
];

export function renderSvg(lines: readonly Line[], { columns, title }: WindowOptions): string {
  const width = Math.ceil(columns * cellWidth + 2 * padding);
  const height = barHeight + lines.length * lineHeight + padding;
  const label = escaped(title === '' ? textOf(lines[0] ?? []) : title);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${window.fill}" stroke="${window.border}"/>`,
    ...['#ff5f57', '#febc2e', '#28c840'].map(
      (fill, index) => `<circle cx="${22 + index * 18}" cy="18" r="5.5" fill="${fill}"/>`,
    ),
    ...(title === ''
      ? []
      : [
          `<text x="${width / 2}" y="22" text-anchor="middle" fill="${window.dim}" ${font(12)}>${escaped(title)}</text>`,
        ]),
    `<g ${font(fontSize)}>`,
    ...lines.flatMap((line, row) => line.flatMap((span) => spanElements(span, row))),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function font(size: number): string {
  return `font-family="${fonts}" font-size="${size}"`;
}

function spanElements(span: Span, row: number): readonly string[] {
  const { text, style, column } = span;
  const elements: string[] = [];
  if (style.background !== null) {
    const width = round([...text].length * cellWidth);
    elements.push(
      `<rect x="${x(column)}" y="${top(row)}" width="${width}" height="${lineHeight}" fill="${palette[style.background]}"/>`,
    );
  }
  // Frames are drawn, so that they join from line to line. Words keep single spaces only: SVG would merge more.
  for (const match of text.matchAll(/[─│┌├└▌]|[^\s─│┌├└▌]+(?: [^\s─│┌├└▌]+)*/gu)) {
    const at = column + [...text.slice(0, match.index)].length;
    const frame = frameOf(match[0], at, row);
    elements.push(frame === null ? words(match[0], at, row, style) : `<path d="${frame}" ${drawing(frame, style)}/>`);
  }
  return elements;
}

function words(text: string, column: number, row: number, style: Style): string {
  const length = round([...text].length * cellWidth);
  const weight = style.bold ? ' font-weight="700"' : '';
  return `<text x="${x(column)}" y="${round(top(row) + lineHeight * 0.72)}" textLength="${length}" lengthAdjust="spacingAndGlyphs" fill="${colorOf(style)}"${weight}>${escaped(text)}</text>`;
}

/** Lines from the middle of a cell to those of its edges that the character reaches. */
function frameOf(character: string, column: number, row: number): string | null {
  const [left, right, middle] = [x(column), x(column + 1), x(column + 0.5)];
  const [above, below, centre] = [top(row), top(row + 1), round(top(row) + lineHeight / 2)];
  switch (character) {
    case '─':
      return `M${left} ${centre}H${right}`;
    case '│':
      return `M${middle} ${above}V${below}`;
    case '┌':
      return `M${right} ${centre}H${middle}V${below}`;
    case '├':
      return `M${middle} ${above}V${below}M${middle} ${centre}H${right}`;
    case '└':
      return `M${middle} ${above}V${centre}H${right}`;
    case '▌':
      return `M${left} ${above}H${middle}V${below}H${left}Z`;
    default:
      return null;
  }
}

function drawing(frame: string, style: Style): string {
  return frame.endsWith('Z') ? `fill="${colorOf(style)}"` : `fill="none" stroke="${colorOf(style)}"`;
}

function colorOf({ foreground, dim }: Style): string {
  return foreground === null ? (dim ? window.dim : window.text) : (palette[foreground] ?? window.text);
}

function x(column: number): number {
  return round(padding + column * cellWidth);
}

function top(row: number): number {
  return barHeight + row * lineHeight;
}

function round(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}

function textOf(line: Line): string {
  return line.map(({ text }) => text).join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
