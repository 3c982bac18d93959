/**
 * The cases that OPA publishes for engines that evaluate Rego, from its Go module, run through this engine: compiled
 * by the opa program, evaluated as WebAssembly with the built-ins of `src/policy/builtins`.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { load } from 'js-yaml';
import { exactSchema } from '../../src/policy/builtins/exact-yaml.ts';
import { isOffered, offeredBuiltins } from '../../src/policy/builtins/offered.ts';
import { compareRego, parseRegoValue, type RegoValue } from '../../src/policy/builtins/rego-value.ts';
import { encodeInput } from '../../src/policy/evaluation-input.ts';
import { parseExactly, stringifyExactly } from '../../src/policy/exact-json.ts';
import { askOpa, type RegoQueryResult } from '../../src/policy/opa.ts';
import { type OpaOptions, opaModule } from '../../src/policy/opa-program.ts';
import { opaHome } from '../../src/policy/opa-sources.ts';
import { instantiatePolicy } from '../../src/policy/policy-instance.ts';
import { runningRule } from '../../src/policy/running-rule.ts';
import type { ValueImage } from '../../src/policy/value-image.ts';
import { compileModule, evaluationAt } from '../../src/policy/wasm-policy.ts';
import { refusedBuiltIns } from './refused-built-ins.ts';

/** One case, as `v1/test/cases/cases.go` of OPA describes it. */
export interface RegoCase {
  /** The directory that holds it. */
  readonly category: string;
  readonly note: string;
  readonly query: string;
  readonly modules?: readonly string[];
  readonly data?: object;
  readonly input?: unknown;
  /** Input as Rego text, which may hold sets. */
  readonly input_term?: string;
  readonly want_defined?: boolean;
  readonly want_result?: readonly Readonly<Record<string, unknown>>[];
  readonly want_error_code?: string;
  readonly want_error?: string;
  readonly sort_bindings?: boolean;
  readonly ignore_generated_vars?: boolean;
  /** The error appears in OPA's strict mode only; without it the call is undefined. */
  readonly strict_error?: boolean;
}

export type Outcome =
  | { readonly outcome: 'passed' }
  /** It needs a built-in that is refused by design. */
  | { readonly outcome: 'refused'; readonly reason: string }
  | { readonly outcome: 'failed'; readonly reason: string };

/** Where the Go toolchain keeps the OPA module that the opa program is built of. */
export function opaModuleDirectory(environment: NodeJS.ProcessEnv): string {
  const asked = ['mod', 'download', '-json', 'github.com/open-policy-agent/opa'];
  return JSON.parse(execFileSync('go', asked, { cwd: opaHome, env: environment, encoding: 'utf8' })).Dir;
}

/** All cases for Rego v1 of the OPA module that the opa program is built of, in the order of their files. */
export function publishedCases(environment: NodeJS.ProcessEnv): readonly RegoCase[] {
  const directory = join(opaModuleDirectory(environment), 'v1', 'test', 'cases', 'testdata', 'v1');
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) => {
      const { cases } = load(readFileSync(file, 'utf8'), { schema: exactSchema }) as {
        readonly cases: readonly RegoCase[];
      };
      const [category = ''] = relative(directory, file).split(sep);
      return cases.map((one) => ({ ...one, category }));
    });
}

/** Cases of one run of the compiler: more take more memory than it has, fewer more runs. */
const casesAtOnce = 50;

/** The outcome of each case, in their order. */
export async function runCases(cases: readonly RegoCase[], options: OpaOptions): Promise<readonly Outcome[]> {
  const outcomes = new Map<RegoCase, Outcome>();
  const program = onDemand(() => opaModule(options));
  const batches = Array.from({ length: Math.ceil(cases.length / casesAtOnce) }, (_, index) =>
    cases.slice(index * casesAtOnce, (index + 1) * casesAtOnce),
  );
  const work = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const queries = batch.map(({ query, modules = [] }) => ({
        query,
        sources: Object.fromEntries(modules.map((text, index) => [`module-${index}.rego`, text])),
        evaluate: false,
      }));
      const answered = await askOpa('queries', { queries }, options);
      for (const [index, one] of batch.entries()) {
        const compiled = answered.outcome === 'answered' ? answered.answer[index] : undefined;
        outcomes.set(one, await outcomeOf(one, compiled ?? {}, program));
      }
    }
  };
  await Promise.all([work(), work()]);
  return cases.map((one) => outcomes.get(one) ?? { outcome: 'failed', reason: 'it was not run' });
}

/** Made when it is first asked for. */
function onDemand<Thing>(make: () => Promise<Thing>): () => Promise<Thing> {
  let made: Promise<Thing> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

async function outcomeOf(
  one: RegoCase,
  compiled: RegoQueryResult,
  program: () => Promise<WebAssembly.Module>,
): Promise<Outcome> {
  const problem = compiled.errors?.[0];
  const refused = Object.keys(refusedBuiltIns).find(
    (name) => one.modules?.some((text) => text.includes(name)) === true,
  );
  if (problem !== undefined && refused !== undefined) {
    return { outcome: 'refused', reason: refused };
  }
  if (problem !== undefined || compiled.wasm === undefined) {
    return { outcome: 'failed', reason: `it does not compile: ${problem?.message ?? 'no answer of the compiler'}` };
  }
  let answers: readonly RegoValue[];
  try {
    answers = await answersOf(compiled.wasm, one.data ?? {}, inputOf(one), program);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return (one.want_error !== undefined || one.want_error_code !== undefined) && one.strict_error !== true
      ? { outcome: 'passed' }
      : { outcome: 'failed', reason: message };
  }
  return judge(one, answers);
}

function inputOf(one: RegoCase): string | null {
  if (one.input_term !== undefined) {
    // Rego allows a comma after the last item, and the compiled policy's reader does not.
    return one.input_term.replace(/,\s*([}\]])/g, '$1');
  }
  return one.input === undefined ? null : (stringifyExactly(one.input) ?? null);
}

/** JSON as elfgate gives it to policies; what else a Rego term can say, as it is. */
function encodedInput(text: string): ValueImage | string {
  try {
    return encodeInput(parseExactly(text));
  } catch (error) {
    if (error instanceof SyntaxError) {
      return text;
    }
    throw error;
  }
}

/** The answers of a compiled query: objects of variable bindings. */
export async function answersOf(
  wasm: string,
  data: object,
  input: string | null,
  program: () => Promise<WebAssembly.Module>,
): Promise<readonly RegoValue[]> {
  const module = await compileModule(new Uint8Array(Buffer.from(wasm, 'base64')));
  const { required } = instantiatePolicy(module, () => undefined, runningRule());
  const missing = required.filter((name) => !isOffered(name));
  if (missing.length > 0) {
    throw new Error(`not offered: ${missing.join(', ')}`);
  }
  const builtins = await offeredBuiltins(required, program);
  const policy = instantiatePolicy(module, (name) => builtins.get(name), runningRule());
  policy.setData(encodeInput(data));
  const text = policy.evaluate(0, input === null ? null : encodedInput(input), 'rego', evaluationAt(Date.now()));
  const answers = parseRegoValue(text);
  return answers.type === 'set' || answers.type === 'array' ? answers.items : [];
}

function judge(one: RegoCase, answers: readonly RegoValue[]): Outcome {
  const found = answers.map((answer) => bindings(one, answer));
  if (one.want_defined !== undefined) {
    return compare(String(one.want_defined), String(found.length > 0));
  }
  if (one.want_result !== undefined) {
    const wanted = one.want_result.map((answer) => bindings(one, regoOf(answer)));
    return compare(`[${wanted.sort().join()}]`, `[${found.sort().join()}]`);
  }
  if (one.strict_error === true) {
    const isEmpty = found.length === 0 || found.every((answer) => /^\{(?:[^:]+:(?:\[\]|\{\}),?)*\}$/.test(answer));
    return isEmpty ? { outcome: 'passed' } : compare('undefined, after an error', `[${found.join()}]`);
  }
  return compare(`an error (${one.want_error_code ?? one.want_error})`, `[${found.join()}]`);
}

function compare(wanted: string, found: string): Outcome {
  return wanted === found
    ? { outcome: 'passed' }
    : { outcome: 'failed', reason: `wanted ${wanted.slice(0, 300)}, got ${found.slice(0, 300)}` };
}

function bindings(one: RegoCase, answer: RegoValue): string {
  if (answer.type !== 'object') {
    return canonical(answer);
  }
  const entries = answer.entries
    .filter(([key]) => !(one.ignore_generated_vars === true && key.type === 'string' && key.value.startsWith('$')))
    .map(([key, value]) => {
      const isList = value.type === 'array' || value.type === 'set';
      return `${canonical(key)}:${one.sort_bindings === true && isList ? value.items.map(canonical).sort() : canonical(value)}`;
    });
  return `{${entries.sort().join()}}`;
}

/** Equal for values that OPA's JSON shows alike: sets are sorted lists, and 1.0 is 1. */
export function canonical(value: RegoValue): string {
  switch (value.type) {
    case 'number': {
      if (/^-?\d+$/.test(value.digits)) {
        return BigInt(value.digits).toString();
      }
      const number = Number(value.digits);
      return Number.isInteger(number) ? BigInt(number).toString() : String(number);
    }
    case 'array':
      return `[${value.items.map(canonical).join()}]`;
    case 'set':
      return `[${value.items.toSorted(compareRego).map(canonical).join()}]`;
    case 'object':
      return `{${value.entries
        .map(
          ([key, item]) => `${JSON.stringify(key.type === 'string' ? key.value : canonical(key))}:${canonical(item)}`,
        )
        .sort()
        .join()}}`;
    case 'string':
      return JSON.stringify(value.value);
    default:
      return value.type === 'null' ? 'null' : String(value.value);
  }
}

export function regoOf(value: unknown): RegoValue {
  return parseRegoValue(stringifyExactly(value) ?? 'null');
}
