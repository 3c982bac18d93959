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
    yield indented(value, indent.length / 2);
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

/** The text of a value as it is inside so many lists: moving its lines would make it once more. */
function indented(value: unknown, level: number): string {
  let nested = value;
  for (let each = 0; each < level; each++) {
    nested = [nested];
  }
  // Of each list the line of its bracket before the value and after it, and the spaces that these lines begin with.
  const before = 2 * level + level * (level + 1);
  const after = 2 * level + level * (level - 1);
  const text = JSON.stringify(nested, null, 2);
  return text.slice(before, text.length - after);
}
