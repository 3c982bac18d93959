import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { begin, clockBytes, elapsed, evaluationClock, rest } from '../../src/policy/evaluation-clock.ts';
import { encodeInput } from '../../src/policy/evaluation-input.ts';
import { startEvaluatorPool } from '../../src/policy/evaluator-pool.ts';
import { opaModule } from '../../src/policy/opa-program.ts';
import type { PolicyBundle } from '../../src/policy/policy-bundle.ts';
import type { RuleMetadata } from '../../src/policy/rule-metadata.ts';
import { compiled, engineFiles, opaOptions } from './scratch.ts';

const ruleNames = ['loops', 'grows', 'says'];

const rules: readonly RuleMetadata[] = ruleNames.map((name) => ({
  id: `test/${name}`,
  title: name,
  description: name,
  severity: 'error',
  enforce: 'deny',
  facts: [],
  parameters: {},
  sets: [],
  relatedResources: [],
  file: `test/${name}/${name}.rego`,
}));

/** A rule that says one word, one that computes without end when asked to, one that takes memory without end. */
async function bundleSaying(word: string): Promise<PolicyBundle> {
  const main = engineFiles['main.rego'] ?? '';
  const wasm = await compiled(`${main}
rules.test.says.findings contains {"path": input.path, "message": "${word}"}

rules.test.loops.findings contains {"path": input.path, "message": "never said"} if {
	input.loop
	ns := numbers.range(1, 3000)
	some a in ns
	some b in ns
	some c in ns
	a * b * c < 0
}

rules.test.grows.findings contains {"path": input.path, "message": "never said"} if {
	input.grow
	ns := numbers.range(1, 2000)
	count([[a, b, c, input.path] | some a in ns; some b in ns; some c in ns]) == 0
}
`);
  return { revision: word, wasm, rules, data: {} };
}

const first = bundleSaying('first');
const second = bundleSaying('second');
const all = new Map(ruleNames.map((name) => [`test/${name}`, { parameters: {} }]));

test('inputs are judged at once, each answer goes to whoever asked', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 2, timeLimit: 30_000 });
  const paths = Array.from({ length: 200 }, (_, index) => `usr/lib/${index}.so`);
  const answers = await Promise.all(paths.map((path) => pool.evaluate({ path })));
  t.deepEqual(
    answers.map(({ findings }) => findings.map(({ path, message, rule }) => [path, message, rule])),
    paths.map((path) => [[path, 'first', 'test/says']]),
  );
  t.deepEqual(pool.statistics(), { threads: 2, waiting: 0, running: 0, ended: 0 });
  await pool.close();
});

test('a rule that computes without end is stopped and named, and the others go on', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 1, timeLimit: 1_500 });
  const runaway = pool.evaluate({ path: 'runaway', loop: true });
  const others = ['a', 'b', 'c'].map((path) => pool.evaluate({ path }));
  await t.throwsAsync(runaway, {
    instanceOf: ElfgateError,
    code: 'limit',
    message: 'rule test/loops took longer than 1500 ms and was ended',
  });
  const answers = await Promise.all(others);
  t.deepEqual(
    answers.map(({ findings }) => findings.map(({ path }) => path)),
    [['a'], ['b'], ['c']],
  );
  t.is(pool.statistics().ended, 1);
  await pool.close();
});

test('inputs that belong together are one question, answered in order and by the same rules', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 2, timeLimit: 30_000 });
  // More than one question holds.
  const paths = Array.from({ length: 3 * limits.evaluationsTogether + 1 }, (_, index) => `usr/lib/${index}.so`);
  const asked = pool.evaluateEncoded(paths.map((path) => encodeInput({ path })));
  await pool.replace(await second, all);
  const { findings, bundle } = await asked;
  t.deepEqual(
    findings.map((found) => found.map(({ path, message }) => [path, message])),
    paths.map((path) => [[path, 'first']]),
  );
  t.is(bundle.revision, 'first');
  t.deepEqual((await pool.evaluateEncoded([])).findings, []);
  await pool.close();
});

test('one of several inputs that never ends is stopped and named, and costs no other question', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 1, timeLimit: 1_500 });
  const runaway = pool.evaluateEncoded(
    [{ path: 'a' }, { path: 'runaway', loop: true }, { path: 'b' }].map((facts) => encodeInput(facts)),
  );
  const other = pool.evaluate({ path: 'c' });
  await t.throwsAsync(runaway, {
    instanceOf: ElfgateError,
    code: 'limit',
    message: 'rule test/loops took longer than 1500 ms and was ended',
  });
  t.is((await other).findings[0]?.path, 'c');
  await pool.close();
});

test('a rule that never ends costs none of the questions that went to the thread with it, done or not', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 1, timeLimit: 1_500 });
  // More than a thread is given ahead; the third is answered in one message with those around it.
  const paths = Array.from({ length: limits.evaluationsAhead + 3 }, (_, index) => `usr/lib/${index}.so`);
  const asked = await Promise.allSettled(paths.map((path, index) => pool.evaluate({ path, loop: index === 2 })));
  t.deepEqual(
    asked.map((one) => (one.status === 'fulfilled' ? one.value.findings[0]?.path : one.reason.message)),
    paths.map((path, index) => (index === 2 ? 'rule test/loops took longer than 1500 ms and was ended' : path)),
  );
  t.deepEqual(pool.statistics(), { threads: 1, waiting: 0, running: 0, ended: 1 });
  await pool.close();
});

test('the time of a question is counted from the input that is evaluated, and not while none is', (t) => {
  const memory = new SharedArrayBuffer(clockBytes);
  const [thread, pool] = [evaluationClock(memory), evaluationClock(memory)];
  t.is(elapsed(pool), Number.NEGATIVE_INFINITY);
  begin(thread);
  t.true(elapsed(pool) >= 0);
  rest(thread);
  t.is(elapsed(pool), Number.NEGATIVE_INFINITY);
});

test('a rule that takes memory without end is stopped and named, and the next input is judged', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 1, timeLimit: 120_000 });
  await t.throwsAsync(pool.evaluate({ path: 'hungry', grow: true }), {
    instanceOf: ElfgateError,
    code: 'evaluation',
    message: 'the policy needs more than its 1 GiB of memory in rule test/grows',
  });
  t.is((await pool.evaluate({ path: 'next' })).findings[0]?.path, 'next');
  await pool.close();
});

test('rules are replaced without dropping an input, and no answer is of both', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 2, timeLimit: 30_000 });
  const other = new Map(all);
  const answers: Promise<unknown>[] = [];
  const ask = (): void => {
    const expected = pool.evaluate({ path: 'x' });
    answers.push(
      expected.then(({ findings, bundle, rulesOn }) => [findings[0]?.message, bundle.revision, rulesOn === other]),
    );
  };
  const timer = setInterval(() => {
    for (let count = 0; count < 20; count++) {
      ask();
    }
  }, 1);
  await pool.replace(await second, other);
  for (let count = 0; count < 100; count++) {
    ask();
  }
  clearInterval(timer);
  const settled = await Promise.all(answers);
  t.deepEqual(new Set(settled.map(String)), new Set(['first,first,false', 'second,second,true']));
  await pool.close();
});

test('rules that cannot be loaded leave those before in force', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 1, timeLimit: 30_000 });
  const damaged = { ...(await second), wasm: (await second).wasm.slice(0, 1000) };
  await t.throwsAsync(pool.replace(damaged, all), { instanceOf: ElfgateError, code: 'policy' });
  t.is((await pool.evaluate({ path: 'x' })).bundle.revision, 'first');
  await pool.close();
});

test('whoever gives up is told so at once, and a closed pool refuses', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 1, timeLimit: 1_000 });
  const runaway = pool.evaluate({ path: 'runaway', loop: true });
  const controller = new AbortController();
  const waiting = pool.evaluate({ path: 'x' }, controller.signal);
  controller.abort(new Error('the client is gone'));
  await t.throwsAsync(waiting, { message: 'the client is gone' });
  await t.throwsAsync(runaway, { code: 'limit' });
  await pool.close();
  await t.throwsAsync(pool.evaluate({ path: 'x' }), { message: 'the policy evaluator is closed' });
});

test('facts that are no plain data are refused before they are handed to a thread', async (t) => {
  const pool = await startEvaluatorPool(await first, all, { threads: 1, timeLimit: 30_000 });
  await t.throwsAsync(pool.evaluate({ path: undefined, now: new Date() }), {
    instanceOf: ElfgateError,
    code: 'evaluation',
  });
  await t.throwsAsync(pool.evaluate([]), {
    message: 'the policy gave no verdict: elfgate/verdict is undefined for this input',
  });
  await pool.close();
});

test('a built-in that OPA itself answers is answered on a thread as well', async (t) => {
  const wasm = await compiled(`${engineFiles['main.rego'] ?? ''}
rules.test.says.findings contains {"path": input.path, "message": strings.render_template("<{{.path}}>", input)}
`);
  const rulesOn = new Map([['test/says', { parameters: {} }]]);
  const program = () => opaModule(opaOptions);
  const pool = await startEvaluatorPool({ revision: 'templates', wasm, rules, data: {} }, rulesOn, {
    threads: 1,
    timeLimit: 30_000,
    program,
  });
  t.is((await pool.evaluate({ path: 'usr/lib/a.so' })).findings[0]?.message, '<usr/lib/a.so>');
  await pool.close();
});
