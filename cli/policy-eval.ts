import { existsSync, statSync } from 'node:fs';
import { painter } from '../src/findings/paint.ts';
import { printable } from '../src/findings/printable.ts';
import { limits } from '../src/limits.ts';
import { dataOf, mergedData } from '../src/policy/base-data.ts';
import { readDocument } from '../src/policy/documents.ts';
import { stringifyExactly } from '../src/policy/exact-json.ts';
import type { TriedRule } from '../src/policy/opa.ts';
import { readPolicySources } from '../src/policy/policy-sources.ts';
import { answerQuery, explainQuery, type PolicyQuery } from '../src/policy/query.ts';
import { timeLimited } from '../src/policy/time-limit.ts';
import { usesColor, writeOutput } from './output.ts';
import { compilerOptions } from './policies.ts';
import { type SharedOptions, usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface PolicyEvalOptions extends SharedOptions {
  readonly data?: readonly string[];
  readonly input?: string;
  readonly explain?: boolean;
}

/** `elfgate policy eval -d DIR -i FACTS QUERY`: the answers to a query, as the engine that judges targets gives them. */
export async function policyEvalCommand(
  query: string,
  options: PolicyEvalOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const given = options.data ?? [];
  const isDocument = (path: string): boolean => /\.(?:json|ya?ml)$/i.test(path) && isFile(path);
  const policies = given.filter((path) => !isDocument(path));
  const missing = policies.find((path) => !existsSync(path));
  if (missing !== undefined) {
    throw usageError(
      `${missing} is neither a directory of policies nor a data file`,
      'elfgate policy eval -d policies …',
    );
  }
  const sources = readPolicySources(policies);
  const documents = await Promise.all(
    given.filter(isDocument).map(async (location) => ({ location, data: await readDocument(location) })),
  );
  const asked: PolicyQuery = {
    sources,
    query,
    data: mergedData([...(await dataOf(sources)), ...documents]),
    ...(options.input === undefined ? {} : { input: await readDocument(options.input) }),
  };
  const limited = timeLimited(limits.evaluationMilliseconds);
  const compiler = compilerOptions(surroundings.env);
  const result = await answerQuery(asked, { ...compiler, limited });
  const explanation = options.explain === true ? await explainQuery(asked, compiler) : null;
  const answer = { result, ...(options.output === 'json' && explanation !== null ? { explanation } : {}) };
  await writeOutput(`${stringifyExactly(answer)}\n`, options, surroundings);
  if (explanation !== null && options.output !== 'json') {
    const color = usesColor(options.color, surroundings.env, surroundings.stderr);
    surroundings.stderr.write(explained(explanation, color));
  }
  return 0;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function explained(rules: readonly TriedRule[], color: boolean): string {
  const paint = painter(color);
  const blocks = rules.map(({ rule, place, fired, stopped }) => {
    const at = paint('dim', printable(`${place.file}:${place.row}`));
    if (fired > 0) {
      return `${paint('green', '✔')} ${rule}  ${at}  ${fired === 1 ? 'fired' : `fired ${fired} times`}`;
    }
    const reason =
      stopped === undefined
        ? '  has no value'
        : [
            `  stopped in line ${stopped.place.row}`,
            ...stopped.text.replace(/\n+$/, '').replaceAll('\t', '    ').split('\n'),
          ]
            .map((line, index) => (index === 0 ? line : `    ${printable(line)}`))
            .join('\n');
    return `${paint('red', '✘')} ${rule}  ${at}${reason}`;
  });
  return rules.length === 0 ? 'no rule was tried\n' : `${blocks.join('\n')}\n`;
}
