import { ElfgateError } from '../errors.ts';
import { isOffered, offeredBuiltins } from './builtins/offered.ts';
import { encodeInput } from './evaluation-input.ts';
import { parseExactly } from './exact-json.ts';
import { askOpa, type TriedRule } from './opa.ts';
import { type OpaOptions, opaModule } from './opa-program.ts';
import { instantiatePolicy } from './policy-instance.ts';
import { policyError } from './policy-problems.ts';
import type { PolicySources } from './policy-sources.ts';
import { runningRule } from './running-rule.ts';
import { compileModule, type EvaluationConditions, evaluationAt } from './wasm-policy.ts';

export interface PolicyQuery {
  readonly sources: PolicySources;
  /** A Rego query: `data.p.q = x`. */
  readonly query: string;
  /** The base data. */
  readonly data: object;
  /** Absent means undefined, which `null` does not. */
  readonly input?: unknown;
}

/** One object of variable bindings for each answer; none when the query is undefined. */
export type ResultSet = readonly Readonly<Record<string, unknown>>[];

/**
 * Answers a query with the engine that judges targets: compiled to WebAssembly, with elfgate's built-ins.
 *
 * @throws ElfgateError `policy` when sources or query do not compile, or need a built-in that is refused or not
 * offered; `evaluation` when the evaluation fails.
 */
export async function answerQuery(
  { sources, query, data, ...rest }: PolicyQuery,
  options: OpaOptions & EvaluationConditions,
): Promise<ResultSet> {
  const queries = [{ sources: sources.policies, query, evaluate: false }];
  const asked = await askOpa('queries', { queries }, options);
  const [compiled] = asked.outcome === 'answered' ? asked.answer : [{ errors: asked.problems }];
  if (compiled?.wasm === undefined) {
    throw policyError(compiled?.errors ?? [], sources);
  }
  const module = await compileModule(new Uint8Array(Buffer.from(compiled.wasm, 'base64')));
  const { required } = instantiatePolicy(module, () => undefined, runningRule());
  const missing = required.filter((name) => !isOffered(name));
  if (missing.length > 0) {
    throw new ElfgateError('policy', `built-ins that the query needs are not offered: ${missing.join(', ')}`, {
      hint: 'elfgate policy check shows where policies call them',
    });
  }
  const builtins = await offeredBuiltins(required, () => opaModule(options));
  const instance = instantiatePolicy(module, (name) => builtins.get(name), runningRule());
  instance.setData(encodeInput(data));
  const [entrypoint = 0] = Object.values(instance.entrypoints);
  const input = 'input' in rest ? encodeInput(rest.input) : null;
  const { now = Date.now, limited = (evaluation) => evaluation() } = options;
  try {
    const text = limited(() => instance.evaluate(entrypoint, input, 'json', evaluationAt(now())));
    return parseExactly(text) as ResultSet;
  } catch (cause) {
    if (cause instanceof ElfgateError) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ElfgateError('evaluation', `the query failed: ${reason}`, { cause });
  }
}

/**
 * What became of each rule that the query asks for: OPA's interpreter answers it once more and takes notes. Places name
 * files as the reader finds them.
 *
 * @throws ElfgateError as {@link answerQuery}.
 */
export async function explainQuery(
  { sources, query, data, ...rest }: PolicyQuery,
  options: OpaOptions,
): Promise<readonly TriedRule[]> {
  const question = { sources: sources.policies, query, data, explain: true, ...rest };
  const evaluated = await askOpa('eval', question, options);
  if (evaluated.outcome === 'rejected') {
    throw policyError(evaluated.problems, sources);
  }
  const located = <Located extends { readonly file: string }>(place: Located): Located => ({
    ...place,
    file: sources.locations.get(place.file) ?? place.file,
  });
  return (evaluated.answer.explanation ?? []).map(({ stopped, ...tried }) => ({
    ...tried,
    place: located(tried.place),
    ...(stopped && { stopped: { ...stopped, place: located(stopped.place) } }),
  }));
}
