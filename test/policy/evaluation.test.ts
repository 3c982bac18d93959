import test from 'ava';
import { ElfgateError } from '../../src/errors.ts';
import { compilePolicies } from '../../src/policy/compile-policies.ts';
import { loadPolicy } from '../../src/policy/evaluation.ts';
import type { PolicyBundle } from '../../src/policy/policy-bundle.ts';
import { compiled, directoryOf, engineFiles, opaOptions, toyRules } from './scratch.ts';

const bundle = compilePolicies([directoryOf(engineFiles), toyRules], opaOptions);
const sizeRule = ['size/above-limit', { parameters: { bytes: 1000, allow: ['opt/*'] } }] as const;
const nameRule = ['name/lower-case', { parameters: {} }] as const;

const facts = {
  binaries: [
    { path: 'usr/bin/Z', size: 5000 },
    { path: 'opt/large', size: 5000 },
    { path: 'usr/bin/a', size: 5000 },
    { path: 'usr/bin/b', size: null },
    { path: 'usr/bin/c', size: 10 },
  ],
};

test('the findings of all rules that are on come sorted by path, rule and message', async (t) => {
  const policy = await loadPolicy(await bundle, new Map([sizeRule, nameRule]));
  t.deepEqual(policy.evaluate(facts), [
    {
      rule: 'name/lower-case',
      severity: 'warning',
      path: 'usr/bin/Z',
      message: 'usr/bin/Z has capital letters',
      evidence: [],
      notes: [],
      help: null,
    },
    {
      rule: 'size/above-limit',
      severity: 'error',
      path: 'usr/bin/Z',
      message: 'usr/bin/Z has 5000 bytes, more than 1000',
      evidence: [{ at: '0x0', label: 'size', value: '5000' }],
      notes: [],
      help: 'strip "usr/bin/Z"',
    },
    {
      rule: 'size/above-limit',
      severity: 'error',
      path: 'usr/bin/a',
      message: 'usr/bin/a has 5000 bytes, more than 1000',
      evidence: [{ at: '0x0', label: 'size', value: '5000' }],
      notes: [],
      help: 'strip "usr/bin/a"',
    },
    {
      rule: 'size/above-limit',
      severity: 'info',
      path: 'usr/bin/b',
      message: 'cannot tell because its size is not stated',
      evidence: [],
      notes: [],
      help: null,
    },
  ]);
});

const gatherings: readonly (readonly [string, string])[] = [
  [
    'by other names',
    `findings[text] := found if {
	some first, second
	data.elfgate.parameters[first][second]
	text := sprintf("rule/%s/%s", [first, second])
	found := data.elfgate.rules[first][second].findings
	count(found) > 0
}`,
  ],
  [
    'by a name that something further in has, too',
    `findings[text] := found if {
	some family, name
	data.elfgate.parameters[family][name]
	text := concat("/", ["rule", family, name])
	found := data.elfgate.rules[family][name].findings
	[name | some name in ["a", "b"]] == ["a", "b"]
	count(found) > 0
}`,
  ],
  [
    'by way of a set of names',
    `on contains [family, name] if {
	some family, name
	data.elfgate.parameters[family][name]
}

findings[text] := found if {
	some [family, name] in on
	text := concat("/", ["rule", family, name])
	found := data.elfgate.rules[family][name].findings
	count(found) > 0
}`,
  ],
];

for (const [how, rego] of gatherings) {
  test(`a main.rego that gathers findings ${how} means the same`, async (t) => {
    const [header = ''] = (engineFiles['main.rego'] ?? '').split('# Of each rule that is on');
    const directory = directoryOf({ ...engineFiles, 'main.rego': `${header}${rego}\n` });
    const other = await compilePolicies([directory, toyRules], opaOptions);
    for (const rules of [[sizeRule, nameRule], [sizeRule], []] as const) {
      const [ours, theirs] = await Promise.all(
        [bundle, other].map(async (one) => loadPolicy(await one, new Map(rules))),
      );
      t.deepEqual(theirs?.evaluate(facts), ours?.evaluate(facts));
    }
  });
}

test('a rule that is off is not there', async (t) => {
  const policy = await loadPolicy(await bundle, new Map([nameRule]));
  t.deepEqual(
    policy.evaluate(facts).map(({ rule }) => rule),
    ['name/lower-case'],
  );
  const none = await loadPolicy(await bundle, new Map());
  t.deepEqual(none.evaluate(facts), []);
});

test('a rule that is off is not even evaluated', async (t) => {
  const broken = await compiled(`package elfgate

verdict := {"findings": findings} if is_object(input)

findings[concat("/", ["rule", family, name])] := found if {
	some family, name
	data.elfgate.parameters[family][name]
	found := data.elfgate.rules[family][name].findings
}

rules.f.fine.findings := []

rules.f.broken.findings := x if some x in [[1], [2]]
`);
  const rules = (await bundle).rules.slice(0, 1).flatMap((rule) => [
    { ...rule, id: 'f/fine' },
    { ...rule, id: 'f/broken' },
  ]);
  const conflicting = { revision: '', wasm: broken, rules, data: {} };
  const fine = await loadPolicy(conflicting, new Map([['f/fine', { parameters: {} }]]));
  t.deepEqual(fine.evaluate({}), []);
  const both = await loadPolicy(conflicting, new Map([['f/broken', { parameters: {} }]]));
  t.throws(() => both.evaluate({}), { instanceOf: ElfgateError, code: 'evaluation' });
});

for (const input of [null, false, 0, '', [], 'text']) {
  test(`facts that are ${JSON.stringify(input)} are an error, never "no findings"`, async (t) => {
    const policy = await loadPolicy(await bundle, new Map([sizeRule]));
    t.throws(() => policy.evaluate(input), {
      instanceOf: ElfgateError,
      code: 'evaluation',
      message: 'the policy gave no verdict: elfgate/verdict is undefined for this input',
    });
  });
}

test('a rule that the policies do not hold cannot be on', async (t) => {
  await t.throwsAsync(loadPolicy(await bundle, new Map([['f/none', { parameters: {} }]])), {
    instanceOf: ElfgateError,
    code: 'policy',
    message: 'the policies hold no rule f/none',
  });
});

/** A policy that gives whatever it is given. */
const echo = (async (): Promise<PolicyBundle> => {
  const { rules } = await bundle;
  return { revision: '', rules, data: {}, wasm: await compiled('package elfgate\n\nverdict := input\n') };
})();

const good = { path: 'a', message: 'b' };
const found = (...findings: readonly unknown[]) => ({ findings: { 'rule/name/lower-case': findings } });

const malformed: readonly (readonly [string, unknown, RegExp])[] = [
  ['no findings', {}, /^the verdict of the policy has no findings by rule$/],
  ['findings of no rule', { findings: [good] }, /^the verdict of the policy has no findings by rule$/],
  [
    'findings of an unknown rule',
    { findings: { 'rule/x/y': [] } },
    /^the policy gave findings of no known rule: rule\/x\/y$/,
  ],
  ['findings of what is no rule', { findings: { 'name/lower-case': [] } }, /of no known rule: name\/lower-case$/],
  [
    'findings that are no list',
    { findings: { 'rule/name/lower-case': 'none' } },
    /^the findings of rule name\/lower-case are no set: "none"$/,
  ],
  ['a finding that is no object', found('b'), /^rule name\/lower-case gave a finding that is no object: "b"$/],
  [
    'a finding without a message',
    found({ ...good, message: '' }),
    /^rule name\/lower-case gave a finding that has no path or no message/,
  ],
  ['a finding without a path', found({ ...good, path: null }), /has no path or no message/],
  ['a misspelt field', found({ ...good, evidance: [] }), /has the field evidance, which nothing reads/],
  [
    'a severity that does not exist',
    found({ ...good, severity: 'fatal' }),
    /has a severity other than error, warning, info/,
  ],
  ['evidence that is no list', found({ ...good, evidence: 'x' }), /has evidence that is no list/],
  ['evidence without a label', found({ ...good, evidence: [{ at: 'a', value: 'b' }] }), /has evidence other than/],
  [
    'evidence of objects',
    found({ ...good, evidence: [{ at: 'a', label: 'b', value: {} }] }),
    /has evidence other than/,
  ],
  [
    'evidence with a field that nothing reads',
    found({ ...good, evidence: [{ at: 'a', label: 'b', value: 'c', valeu: 'd' }] }),
    /has evidence other than/,
  ],
  [
    'evidence in no file',
    found({ ...good, evidence: [{ at: 'a', label: 'b', value: 'c', path: 1 }] }),
    /has evidence other than/,
  ],
  ['notes that are no texts', found({ ...good, notes: [1] }), /has notes that are no list of texts/],
  ['help that is no text', found({ ...good, help: ['x'] }), /has a help that is no text/],
];

for (const [name, verdict, message] of malformed) {
  test(`${name} is an error of the rule, not a verdict`, async (t) => {
    const policy = await loadPolicy(await echo, new Map());
    t.throws(() => policy.evaluate(verdict), { instanceOf: ElfgateError, code: 'evaluation', message });
  });
}

test('notes, and evidence in another file or target, come through', async (t) => {
  const policy = await loadPolicy(await echo, new Map());
  const evidence = [
    { at: '.dynsym', label: 'symbol', value: 'f', path: 'usr/lib/b.so' },
    { at: '.dynsym', label: 'symbol', value: 'f', path: 'usr/lib/c.so', target: 'other' },
  ];
  t.deepEqual(policy.evaluate(found({ ...good, evidence, notes: ['outcome: crash'], help: '' })), [
    { ...good, rule: 'name/lower-case', severity: 'warning', evidence, notes: ['outcome: crash'], help: null },
  ]);
});
