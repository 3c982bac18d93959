import { comparePlain, jsonOf } from './operands.ts';

/** JSON as Go's `encoding/json` writes it: keys sorted by their bytes, `<`, `>`, `&` and line separators escaped. */
export function goJson(value: unknown): string {
  return write(jsonOf(value), '', null);
}

/** The same, with each item on a line of its own: `json.MarshalIndent`. */
export function goJsonIndented(value: unknown, prefix: string, indent: string): string {
  return write(jsonOf(value), prefix, indent);
}

const escapes = /[<>&\u2028\u2029]/g;

function write(value: unknown, margin: string, indent: string | null): string {
  if (typeof value === 'string') {
    return JSON.stringify(value).replace(escapes, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
  }
  if (typeof value !== 'object' || value === null) {
    return String(value);
  }
  const inner = indent === null ? '' : `\n${margin}${indent}`;
  const outer = indent === null ? '' : `\n${margin}`;
  const items = Array.isArray(value)
    ? value.map((item) => write(item, margin + (indent ?? ''), indent))
    : Object.entries(value)
        .sort(([a], [b]) => comparePlain(a, b))
        .map(([key, item]) => {
          const written = write(item, margin + (indent ?? ''), indent);
          return `${write(key, '', null)}:${indent === null ? '' : ' '}${written}`;
        });
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return items.length === 0 ? `${open}${close}` : `${open}${inner}${items.join(`,${inner}`)}${outer}${close}`;
}
