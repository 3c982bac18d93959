import { BuiltinError } from './builtin.ts';

/**
 * `regex.globs_match`: whether some text that is not empty is matched by both of two globs of single characters,
 * `.`, `[sets]`, `+` and `*`. After github.com/yashtewari/glob-intersection, which OPA asks.
 */
export function globsIntersect(a: string, b: string): boolean {
  const trimmed = trim(parse(a), parse(b));
  return trimmed !== null && intersect(trimmed[0], trimmed[1]);
}

interface Token {
  /** The characters that it stands for; null for all. */
  readonly characters: ReadonlySet<string> | null;
  readonly repeats: '' | '+' | '*';
}

type Glob = readonly Token[];

/** Code points of one range: more are a mistake, and would take memory without end. */
const rangeAtMost = 0x11_0000;

function parse(text: string): Glob {
  const input = [...text];
  const tokens: Token[] = [];
  let at = 0;
  const next = (): { readonly character: string; readonly escaped: boolean } => {
    const escaped = input[at] === '\\';
    at += escaped ? 1 : 0;
    const character = input[at++];
    if (character === undefined) {
      throw new BuiltinError('the glob ends too early');
    }
    return { character, escaped };
  };
  const set = (): ReadonlySet<string> => {
    const characters = new Set<string>();
    for (let previous: string | null = null; ; ) {
      const { character, escaped } = next();
      if (!escaped && character === ']') {
        return characters;
      }
      if (escaped || character !== '-') {
        characters.add(character);
        previous = character;
        continue;
      }
      const last = next();
      const [from, to] = [previous?.codePointAt(0) ?? rangeAtMost, last.character.codePointAt(0) ?? 0];
      if (previous === null || (!last.escaped && /[\]-]/.test(last.character)) || to < from) {
        throw new BuiltinError('the range of a glob makes no sense');
      }
      for (let code = from; code <= to; code++) {
        characters.add(String.fromCodePoint(code));
      }
      previous = null;
    }
  };
  while (at < input.length) {
    const { character, escaped } = next();
    let characters: ReadonlySet<string> | null = new Set([character]);
    if (!escaped && character === '.') {
      characters = null;
    } else if (!escaped && character === '[') {
      characters = set();
    } else if (!escaped && /[\]+*]/.test(character)) {
      throw new BuiltinError(`${character} is out of place in a glob`);
    }
    const flag = input[at];
    const repeats = flag === '+' || flag === '*' ? flag : '';
    at += repeats.length;
    tokens.push({ characters, repeats });
  }
  return tokens;
}

function match(a: Token | undefined, b: Token | undefined): boolean {
  if (a === undefined || b === undefined) {
    return false;
  }
  const { characters } = b;
  return a.characters === null || characters === null || [...a.characters].some((one) => characters.has(one));
}

/** Without the beginnings and ends that are single characters on both sides; null when those differ already. */
function trim(a: Glob, b: Glob): readonly [Glob, Glob] | null {
  const single = (token: Token | undefined): boolean => token?.repeats === '';
  let left = 0;
  for (; single(a[left]) && single(b[left]); left++) {
    if (!match(a[left], b[left])) {
      return null;
    }
  }
  left = Math.max(0, left - 1);
  let [endA, endB] = [a.length - 1, b.length - 1];
  for (; endA >= left && endB >= left && single(a[endA]) && single(b[endB]); endA--, endB--) {
    if (!match(a[endA], b[endB])) {
      return null;
    }
  }
  const kept = endA < a.length - 1 ? 2 : 1;
  return [a.slice(left, endA + kept), b.slice(left, endB + kept)];
}

function intersect(a: Glob, b: Glob): boolean {
  for (let at = 0; at < a.length && at < b.length; at++) {
    const [left, right] = [a[at], b[at]];
    if (left?.repeats === '' && right?.repeats === '') {
      if (!match(left, right)) {
        return false;
      }
      continue;
    }
    const [repeated, other] = left?.repeats === '' ? [b, a] : [a, b];
    return repeated[at]?.repeats === '+'
      ? intersectPlus(repeated.slice(at), other.slice(at))
      : intersectStar(repeated.slice(at), other.slice(at));
  }
  return a.length === b.length;
}

function intersectPlus(repeated: Glob, other: Glob): boolean {
  if (!match(repeated[0], other[0])) {
    return false;
  }
  return intersectStar(repeated, other.slice(1)) || (other[0]?.repeats !== '' && intersect(repeated.slice(1), other));
}

function intersectStar(repeated: Glob, other: Glob): boolean {
  const [star, following] = repeated;
  for (const [index, token] of other.entries()) {
    if (following !== undefined && match(token, following) && intersect(repeated.slice(1), other.slice(index))) {
      return true;
    }
    if (!match(token, star)) {
      return false;
    }
  }
  return following === undefined;
}
