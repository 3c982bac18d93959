/** What the tokens of a search path stand for; `null` where nobody can tell, as for a file outside the root. */
export interface TokenValues {
  readonly origin: string | null;
  readonly lib: string | null;
  readonly platform: string | null;
}

/**
 * Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`, plain or in braces; `null` when the value of one is unknown, which makes
 * glibc drop the whole element (ld.so(8), "Dynamic string tokens"; glibc `elf/dl-load.c`, `is_dst`, `_dl_dst_substitute`).
 */
export function expandTokens(text: string, values: TokenValues): string | null {
  let unknown = false;
  // A name ends where an identifier would; what is no token stays as it is.
  const expanded = text.replaceAll(
    /\$(?:(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_])|\{(ORIGIN|LIB|PLATFORM)\}(?![A-Za-z0-9_]))/g,
    (_whole, plain: string | undefined, braced: string | undefined) => {
      const name = plain ?? braced;
      const value = name === 'ORIGIN' ? values.origin : name === 'LIB' ? values.lib : values.platform;
      unknown ||= value === null;
      return value ?? '';
    },
  );
  return unknown ? null : expanded;
}

/**
 * Expands a whole search path as musl does: `$ORIGIN` alone is known, and any other token makes musl ignore all of the
 * path, which `null` stands for (musl `ldso/dynlink.c`, fixup_rpath).
 */
export function expandForMusl(text: string, origin: string | null): string | null {
  if (!text.includes('$')) {
    return text;
  }
  const rest = text.replaceAll(/\$(?:ORIGIN|\{ORIGIN\})/g, '');
  return rest.includes('$') || origin === null ? null : text.replaceAll(/\$(?:ORIGIN|\{ORIGIN\})/g, () => origin);
}
