/** How deep values are taken apart: three levels lead to single binaries and predictions. */
const levels = 3;
const pieceCharacters = 1 << 16;

/**
 * The text of `JSON.stringify(value, null, 2)` and a line break, in pieces: the facts of a whole root take ten megabytes,
 * which would be held several times over while they are written at once.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  let piece = '';
  for (const part of parts(value, '', levels)) {
    piece += part;
    if (piece.length >= pieceCharacters) {
      yield piece;
      piece = '';
    }
  }
  yield `${piece}\n`;
}

function* parts(value: unknown, indent: string, depth: number): Generator<string> {
  const entries: readonly (readonly [string, unknown])[] =
    typeof value !== 'object' || value === null || depth === 0
      ? []
      : Array.isArray(value)
        ? value.map((member) => ['', member ?? null])
        : Object.entries(value)
            .filter(([, member]) => member !== undefined)
            .map(([name, member]) => [`${JSON.stringify(name)}: `, member]);
  if (entries.length === 0) {
    // Texts hold no line breaks in JSON: each one is the layout's.
    yield JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`);
    return;
  }
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  yield open;
  for (const [index, [name, member]] of entries.entries()) {
    yield `${index === 0 ? '' : ','}\n${indent}  ${name}`;
    yield* parts(member, `${indent}  `, depth - 1);
  }
  yield `\n${indent}${close}`;
}
