import { RE2JS } from 're2js';
import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { globsIntersect } from './glob-intersection.ts';
import { integerOf, textOf } from './operands.ts';

/**
 * Regular expressions with RE2's meaning and its promise of linear time, by `re2js`; a hostile file name must not be
 * able to stop a policy. What Go's package does with the matches (empty ones, `$1` in replacements) is here.
 */
export const regularExpressions: Builtins = {
  'regex.find_n': plain((pattern, text, count) =>
    matches(compile(pattern), textOf(text), Number(integerOf(count))).map(({ groups }) => groups[0]),
  ),
  'regex.replace': plain((text, pattern, replacement) =>
    replaceAll(textOf(text), compile(pattern), textOf(replacement)),
  ),
  'regex.split': plain((pattern, text) => split(compile(pattern), textOf(text))),
  'regex.template_match': plain((template, text, start, end) =>
    templatePattern(textOf(template), delimiter(start), delimiter(end)).matcher(textOf(text)).find(),
  ),
  'regex.globs_match': plain((a, b) => globsIntersect(textOf(a), textOf(b))),
};

/** Compiled patterns of this thread, the oldest first. A policy has a handful, and asks for them again and again. */
const compiled = new Map<string, RE2JS>();
const compiledAtMost = 100;

function compile(pattern: unknown): RE2JS {
  const text = textOf(pattern);
  const known = compiled.get(text);
  if (known !== undefined) {
    return known;
  }
  let expression: RE2JS;
  try {
    expression = RE2JS.compile(text);
  } catch (cause) {
    throw new BuiltinError('error parsing regexp', { cause });
  }
  for (const oldest of compiled.keys()) {
    if (compiled.size < compiledAtMost) {
      break;
    }
    compiled.delete(oldest);
  }
  compiled.set(text, expression);
  return expression;
}

interface Match {
  readonly start: number;
  readonly end: number;
  /** The whole match, and each group; null for groups that took no part. */
  readonly groups: readonly (string | null)[];
}

/** `FindAll…` of Go's regexp: an empty match right after another one is none. */
function matches(expression: RE2JS, text: string, count: number): readonly Match[] {
  const found: Match[] = [];
  const matcher = expression.matcher(text);
  let lastEnd = -1;
  for (let at = 0; at <= text.length && (count < 0 || found.length < count) && matcher.find(at); ) {
    const [start, end] = [matcher.start(), matcher.end()];
    const accepted = end !== at || start !== lastEnd;
    at = end === at ? at + Math.max(1, String.fromCodePoint(text.codePointAt(at) ?? 0).length) : end;
    lastEnd = end;
    if (accepted) {
      const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index));
      found.push({ start, end, groups });
    }
  }
  return found;
}

/** `Regexp.Split` without a limit. */
function split(expression: RE2JS, text: string): readonly string[] {
  if (text === '' && expression.pattern() !== '') {
    return [''];
  }
  const pieces: string[] = [];
  let [begin, end] = [0, 0];
  for (const match of matches(expression, text, -1)) {
    end = match.start;
    if (match.end !== 0) {
      pieces.push(text.slice(begin, end));
    }
    begin = match.end;
  }
  return end === text.length ? pieces : [...pieces, text.slice(begin)];
}

function replaceAll(text: string, expression: RE2JS, replacement: string): string {
  let replaced = '';
  let at = 0;
  for (const match of matches(expression, text, -1)) {
    replaced += text.slice(at, match.start) + expand(replacement, match, expression.namedGroups());
    at = match.end;
  }
  return replaced + text.slice(at);
}

/** `Regexp.Expand`: `$1`, `${1}`, `$name`, `${name}` and `$$`; groups that do not exist are empty. */
function expand(template: string, { groups }: Match, names: Readonly<Record<string, number>>): string {
  return template.replace(/\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu, (_all, braced, bare) => {
    const name: string | undefined = braced ?? bare;
    if (name === undefined) {
      return '$';
    }
    const index = /^\d+$/.test(name) ? Number(name) : names[name];
    return index === undefined ? '' : (groups[index] ?? '');
  });
}

function delimiter(value: unknown): string {
  const text = textOf(value);
  if (Buffer.byteLength(text) !== 1) {
    throw new BuiltinError('a delimiter has to be exactly one character long');
  }
  return text;
}

/** Text around patterns between delimiters: `urn:<[a-z]+>`. */
function templatePattern(template: string, start: string, end: string): RE2JS {
  let pattern = '^';
  let level = 0;
  let from = 0;
  let opened = 0;
  for (let at = 0; at < template.length; at++) {
    if (template[at] === start && ++level === 1) {
      opened = at;
    } else if (template[at] === end) {
      level--;
      if (level < 0) {
        throw new BuiltinError('unbalanced delimiters');
      }
      if (level === 0) {
        const inner = template.slice(opened + 1, at);
        compile(`^${inner}$`);
        pattern += `${RE2JS.quote(template.slice(from, opened))}(${inner})`;
        from = at + 1;
      }
    }
  }
  if (level !== 0) {
    throw new BuiltinError('unbalanced delimiters');
  }
  return compile(`${pattern}${RE2JS.quote(template.slice(from))}$`);
}
