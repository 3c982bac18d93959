import fc from 'fast-check';
import { askOpa } from '../../src/policy/opa.ts';
import { type OpaOptions, opaModule } from '../../src/policy/opa-program.ts';
import { type RandomPolicy, randomPolicy } from './random-policies.ts';
import { answersOf, canonical, regoOf } from './rego-cases.ts';

/** What became of random policies in both engines: as WebAssembly here, and in OPA's own evaluator. */
export interface Comparison {
  readonly equal: number;
  /** Of those, how many have more to compare than empty collections. */
  readonly telling: number;
  /** Of those, how many ended both engines with an error. */
  readonly failing: number;
  /** Policies that the compiler, which both share, refuses. */
  readonly rejected: number;
  readonly differing: readonly (RandomPolicy & { readonly here: string; readonly opa: string })[];
}

/** Policies of one run of the compiler. */
const policiesAtOnce = 60;

export async function compareEngines(count: number, seed: number, options: OpaOptions): Promise<Comparison> {
  const policies = fc.sample(randomPolicy, { numRuns: count, seed });
  const program = () => opaModule(options);
  const differing: Comparison['differing'][number][] = [];
  let [equal, telling, failing, rejected] = [0, 0, 0, 0];
  for (let at = 0; at < policies.length; at += policiesAtOnce) {
    const some = policies.slice(at, at + policiesAtOnce);
    const queries = some.map(({ module, input }) => ({
      query: 'data.random = x',
      sources: { 'random.rego': module },
      evaluate: true,
      input,
    }));
    const answered = await askOpa('queries', { queries }, options);
    if (answered.outcome === 'rejected') {
      throw new Error(JSON.stringify(answered.problems));
    }
    for (const [index, policy] of some.entries()) {
      const { errors, wasm, answers = [], failure } = answered.answer[index] ?? {};
      if (errors !== undefined || wasm === undefined) {
        rejected++;
        continue;
      }
      const opa = failure === undefined ? answers.map((answer) => canonical(regoOf(answer))).join() : 'an error';
      const here = await answersOf(wasm, {}, JSON.stringify(policy.input), program).then(
        (found) => found.map(canonical).join(),
        (error: unknown) => (/conflict/.test(String(error)) ? 'an error' : String(error)),
      );
      if (here === opa) {
        equal++;
        telling += /:(?!\[\]|\{\}|null)/.test(here.replace('"x":', '')) ? 1 : 0;
        failing += failure === undefined ? 0 : 1;
      } else {
        differing.push({ ...policy, here, opa: failure === undefined ? opa : `${opa}: ${failure}` });
      }
    }
  }
  return { equal, telling, failing, rejected, differing };
}
