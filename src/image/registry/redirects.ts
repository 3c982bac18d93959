import { isLocalAddress } from './exchange.ts';

/** Redirects followed for one request. Registries that keep blobs in cloud storage make one, some proxies two. */
export const mostRedirects = 5;

/**
 * Where an answer sends its reader on to; null when it is no redirect. The caller sends no credentials to another
 * origin.
 *
 * @returns a sentence instead of an address when going there is refused.
 */
export function redirectTarget(
  from: URL,
  status: number,
  location: string | undefined,
): URL | { readonly refused: string } | null {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) {
    return null;
  }
  if (!URL.canParse(location, from)) {
    return { refused: 'redirects to what is no address' };
  }
  const target = new URL(location, from);
  if (!/^https?:$/.test(target.protocol)) {
    return { refused: 'redirects to what is no address' };
  }
  // Userinfo would become credentials that another server chose.
  target.username = '';
  target.password = '';
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    return { refused: `redirects to ${target.host} without TLS` };
  }
  const refusal = refusedAddress(from, target);
  return refusal === null ? target : { refused: `redirects to ${target.host}: ${refusal}` };
}

/**
 * Why a server on another machine may not send its reader to an address; null when it may. What listens on loopback or
 * on the link (metadata services of clouds) is meant for others than those who ask a registry.
 */
export function refusedAddress(from: URL, to: URL): string | null {
  return isLocalAddress(to.host) && !isLocalAddress(from.host) ? `${to.host} is an address of this machine` : null;
}
