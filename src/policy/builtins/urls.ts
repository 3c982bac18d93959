import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { parseUrl } from './go-url.ts';
import { comparePlain, itemsOf, recordOf, textOf } from './operands.ts';

export const urls: Builtins = {
  'uri.is_valid': plain((text) => typeof text === 'string' && text !== '' && parseUrl(text) !== null),
  'uri.parse': plain((text) => {
    const url = parseUrl(textOf(text));
    if (url === null) {
      throw new BuiltinError('invalid URI');
    }
    return Object.fromEntries(Object.entries(url).filter(([, part]) => part !== ''));
  }),
  'urlquery.encode': plain((text) => encode(textOf(text))),
  'urlquery.decode': plain((text) => decode(textOf(text))),
  'urlquery.encode_object': plain((operand) =>
    Object.entries(recordOf(operand))
      .sort(([a], [b]) => comparePlain(a, b))
      .flatMap(([key, value]) => {
        const values = typeof value === 'string' ? [value] : [...itemsOf(value)];
        return (value instanceof Set ? values.sort(comparePlain) : values).map(
          (item) => `${encode(key)}=${encode(textOf(item))}`,
        );
      })
      .join('&'),
  ),
  'urlquery.decode_object': plain((text) => {
    const decoded = new Map<string, string[]>();
    for (const pair of textOf(text).split('&')) {
      if (pair.includes(';')) {
        throw new BuiltinError('invalid semicolon separator in query');
      }
      if (pair !== '') {
        const equals = pair.indexOf('=');
        const key = decode(equals < 0 ? pair : pair.slice(0, equals));
        decoded.set(key, [...(decoded.get(key) ?? []), equals < 0 ? '' : decode(pair.slice(equals + 1))]);
      }
    }
    return Object.fromEntries(decoded);
  }),
};

/** `url.QueryEscape`: all but letters, digits, `-`, `_`, `.`, `~`; a space is `+`. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

function decode(text: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) {
    throw new BuiltinError('invalid URL escape');
  }
  const bytes = Buffer.from(text.replaceAll('+', ' ')).toString('latin1');
  const decoded = bytes.replace(/%(..)/g, (_all, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(decoded, 'latin1').toString();
}
