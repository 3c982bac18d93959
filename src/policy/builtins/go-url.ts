import { isIPv6 } from 'node:net';

/** The parts of a URI, each empty where it is missing. */
interface Url {
  readonly scheme: string;
  readonly hostname: string;
  readonly port: string;
  /** Decoded. */
  readonly path: string;
  readonly raw_path: string;
  readonly raw_query: string;
  /** Decoded. */
  readonly fragment: string;
}

/** A URI or relative reference as Go's `url.Parse` reads it, or null. Node's own follows the WHATWG and refuses those. */
export function parseUrl(text: string): Url | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    return null;
  }
  const [beforeFragment = '', rawFragment = ''] = cut(text, '#');
  const schemeMatch = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(beforeFragment);
  if (beforeFragment.startsWith(':')) {
    return null;
  }
  const scheme = (schemeMatch?.[1] ?? '').toLowerCase();
  const afterScheme = beforeFragment.slice(schemeMatch?.[0].length ?? 0);
  const [hierarchical = '', rawQuery = ''] = cut(afterScheme, '?');
  const fragment = unescaped(rawFragment);
  if (fragment === null) {
    return null;
  }
  if (!hierarchical.startsWith('/')) {
    if (scheme !== '') {
      // Opaque: `mailto:somebody`.
      return { scheme, hostname: '', port: '', path: '', raw_path: '', raw_query: rawQuery, fragment };
    }
    if ((hierarchical.split('/')[0] ?? '').includes(':')) {
      return null;
    }
  }
  let authority = '';
  let rest = hierarchical;
  if (hierarchical.startsWith('//') && (scheme !== '' || !hierarchical.startsWith('///'))) {
    [authority = '', rest = ''] = /^([^/]*)(.*)$/s.exec(hierarchical.slice(2))?.slice(1) ?? [];
  }
  const host = hostOf(authority);
  const path = unescaped(rest);
  if (host === null || path === null) {
    return null;
  }
  return {
    scheme,
    ...host,
    path,
    raw_path: isDefaultEncoding(rest, path) ? path : rest,
    raw_query: rawQuery,
    fragment,
  };
}

function hostOf(authority: string): { readonly hostname: string; readonly port: string } | null {
  const at = authority.lastIndexOf('@');
  if (
    at >= 0 &&
    (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(authority.slice(0, at)) || unescaped(authority.slice(0, at)) === null)
  ) {
    return null;
  }
  const host = authority.slice(at + 1);
  const bracketed = /^\[([^\]]*)\](?::(\d*))?$/.exec(host);
  if (bracketed !== null) {
    const [, address = '', port = ''] = bracketed;
    return isIPv6(address.replace(/%25.*$/, '')) ? { hostname: address.replace('%25', '%'), port } : null;
  }
  const match = /^([^:]*)(?::(\d*))?$/.exec(host) ?? /^(.*):(\d*)$/.exec(host);
  if (match === null || host.startsWith('[') || /[ "<>\\^`{|}[]/.test(host)) {
    return null;
  }
  // In a host only bytes beyond ASCII may be escaped.
  const hostname = /%(?![89A-Fa-f][0-9A-Fa-f])/.test(match[1] ?? '') ? null : unescaped(match[1] ?? '');
  return hostname === null ? null : { hostname, port: match[2] ?? '' };
}

function unescaped(text: string): string | null {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) {
    return null;
  }
  const bytes = Buffer.from(text).toString('latin1');
  return Buffer.from(
    bytes.replace(/%(..)/g, (_all, digits) => String.fromCharCode(Number.parseInt(digits, 16))),
    'latin1',
  ).toString();
}

/** `URL.setPath`: the raw path is kept only where encoding the path again would give another one. */
function isDefaultEncoding(raw: string, path: string): boolean {
  const encoded = encodeURIComponent(path).replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent);
  return raw === encoded.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function cut(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
