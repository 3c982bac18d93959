/** What a 401 asks for: one item of WWW-Authenticate (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names are lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`\\s*(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))\\s*(?:,|$)`, 'y');
const scheme = new RegExp(`\\s*(${token})(?:\\s+|\\s*,|$)`, 'y');

/** The challenges of a header, in order, as far as it can be read. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  while (at < header.length) {
    parameter.lastIndex = at;
    const pair = parameter.exec(header);
    const current = challenges.at(-1);
    if (pair !== null && current !== undefined) {
      const [, name = '', quoted, plain = ''] = pair;
      current.parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
      at = parameter.lastIndex;
      continue;
    }
    scheme.lastIndex = at;
    const name = scheme.exec(header)?.[1];
    if (name === undefined) {
      break;
    }
    challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    at = scheme.lastIndex;
  }
  return challenges;
}
