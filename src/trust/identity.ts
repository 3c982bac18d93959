import type { RE2JS } from 're2js';
import { ElfgateError } from '../errors.ts';

/** A text that must be met exactly, or a pattern that must cover the whole of it. */
export type TextMatch =
  | { readonly kind: 'exactly'; readonly text: string }
  | { readonly kind: 'pattern'; readonly source: string; readonly pattern: RE2JS };

/** Whose certificates are accepted. */
export interface Identity {
  readonly subject: TextMatch;
  /** Null where no issuer is named in certificates: those of an organisation's own authority. */
  readonly issuer: TextMatch | null;
}

export function exactly(text: string): TextMatch {
  return { kind: 'exactly', text };
}

/**
 * A regular expression that has to match a whole text: `example\.com` does not match `evil-example.com.attacker.net`.
 * In RE2's syntax and its linear time, as cosign and the Sigstore verifiers in Go read patterns.
 *
 * @throws ElfgateError `configuration` when it is not one.
 */
export async function pattern(source: string): Promise<TextMatch> {
  // Most trust is in keys and exact names, which need none of it.
  const { RE2JS } = await import('re2js');
  try {
    return { kind: 'pattern', source, pattern: RE2JS.compile(source) };
  } catch (cause) {
    throw new ElfgateError('configuration', `${JSON.stringify(source)} is not a regular expression`, {
      hint: "patterns are written in RE2's syntax and cover the whole text",
      cause,
    });
  }
}

export function matches(match: TextMatch, text: string): boolean {
  return match.kind === 'exactly' ? match.text === text : match.pattern.matches(text);
}

/** The match as it was written. */
export function writtenAs(match: TextMatch): string {
  return match.kind === 'exactly' ? match.text : `/${match.source}/`;
}
