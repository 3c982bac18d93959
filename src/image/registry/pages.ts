import { ElfgateError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { Call, RegistryHost, WholeAnswer } from './registry-host.ts';

/**
 * The pages of a list, each named by the one before (Link header; OCI distribution, content discovery).
 *
 * @throws ElfgateError `unreachable` when a page names one on another host, or itself; `limit`
 */
export async function* pagesOf(host: RegistryHost, call: Omit<Call, 'method'>): AsyncGenerator<WholeAnswer> {
  let path: Call['path'] = call.path;
  const seen = new Set<string>();
  for (let page = 0; page < limits.registryPages; page++) {
    const answer = await host.ask({ ...call, method: 'GET', path }, limits.registryPageBytes);
    yield answer;
    const next = nextPage(answer);
    if (next === null) {
      return;
    }
    if (next.origin !== answer.url.origin || seen.has(next.href)) {
      throw new ElfgateError(
        'unreachable',
        `${host.name}: ${call.what}: the next page is not one of its own, or not new`,
      );
    }
    seen.add(next.href);
    path = next;
  }
  throw new ElfgateError('limit', `${host.name}: ${call.what}: has more than ${limits.registryPages} pages`);
}

function nextPage({ headers, url }: WholeAnswer): URL | null {
  const link = headers.link;
  const target = /<([^<>]*)>\s*;\s*rel="?next"?/.exec(typeof link === 'string' ? link : (link?.[0] ?? ''))?.[1];
  return target === undefined || !URL.canParse(target, url) ? null : new URL(target, url);
}
