import test from 'ava';
import { type Configuration, defaultConfiguration } from '../../src/policy/configuration/configuration.ts';
import { judgeFindings, rulesInForce } from '../../src/policy/enforcement.ts';
import type { PolicyFinding } from '../../src/policy/evaluation.ts';
import type { Enforcement, RuleMetadata } from '../../src/policy/rule-metadata.ts';

const rule: RuleMetadata = {
  id: 'f/a',
  title: '',
  description: '',
  severity: 'error',
  enforce: 'deny',
  facts: [],
  parameters: { limit: { type: 'integer', default: 5 }, allow: { type: 'array', default: [] } },
  sets: ['recommended', 'strict'],
  relatedResources: [],
  file: 'f/a/a.rego',
};
const strictOnly: RuleMetadata = { ...rule, id: 'f/strict', sets: ['strict'], parameters: {} };
const mild: RuleMetadata = { ...rule, id: 'f/mild', enforce: 'warn', parameters: {} };
const rules = [rule, strictOnly, mild];

const settings = (enforce: Enforcement | null, parameters = {}) => ({ enforce, parameters });
const configured = (
  entries: readonly (readonly [string, ReturnType<typeof settings>])[],
  rest: Partial<Configuration> = {},
) => ({
  ...defaultConfiguration,
  rules: new Map(entries),
  ...rest,
});

test('without a configuration the recommended rules are on, with their defaults', (t) => {
  t.deepEqual(
    rulesInForce(defaultConfiguration, rules),
    new Map([
      ['f/a', { enforcement: 'deny', parameters: { limit: 5, allow: [] } }],
      ['f/mild', { enforcement: 'warn', parameters: {} }],
    ]),
  );
});

test('a parameter that is given takes the place of its default, and of no other', (t) => {
  const inForce = rulesInForce(configured([['f/a', settings(null, { limit: 9 })]]), rules);
  t.deepEqual(inForce.get('f/a'), { enforcement: 'deny', parameters: { limit: 9, allow: [] } });
});

test('naming a rule switches it on, and naming it off switches it off', (t) => {
  const configuration = configured([
    ['f/strict', settings('warn')],
    ['f/a', settings('off')],
  ]);
  t.deepEqual([...rulesInForce(configuration, rules).keys()], ['f/strict', 'f/mild']);
});

test('the rule set none leaves only the rules that are named', (t) => {
  const configuration = configured([['f/mild', settings(null)]], { ruleSet: 'none' });
  t.deepEqual([...rulesInForce(configuration, rules).keys()], ['f/mild']);
});

const finding = (ruleId: string, severity: PolicyFinding['severity']): PolicyFinding => ({
  rule: ruleId,
  severity,
  path: 'usr/bin/app',
  message: 'm',
  evidence: [],
  notes: [],
  help: null,
});

const today = new Date('2026-11-21T12:00:00Z');

function judged(enforce: Enforcement, severity: PolicyFinding['severity'], rest: Partial<Configuration> = {}) {
  const configuration = configured([['f/a', settings(enforce)]], rest);
  return judgeFindings(
    [finding('f/a', severity)],
    'r.io/app',
    today,
    configuration,
    rulesInForce(configuration, rules),
  );
}

test('deny keeps the severity', (t) => {
  t.like(judged('deny', 'error')[0], { severity: 'error', enforcement: 'deny', exception: null });
  t.like(judged('deny', 'info')[0], { severity: 'info' });
});

test('warn and dry-run turn an error into a warning, and leave the rest', (t) => {
  t.like(judged('warn', 'error')[0], { severity: 'warning', enforcement: 'warn' });
  t.like(judged('dry-run', 'error')[0], { severity: 'warning', enforcement: 'dry-run' });
  t.like(judged('warn', 'info')[0], { severity: 'info' });
});

test('off drops the finding', (t) => {
  t.deepEqual(judged('off', 'error'), []);
});

test('an excepted finding keeps its place and severity, and says why it may pass', (t) => {
  const exception = { rule: 'f/a', target: 'r.io/*', path: null, reason: 'r', owner: 'o', expires: '2026-11-21' };
  t.deepEqual(judged('deny', 'error', { exceptions: [exception] }), [
    { ...finding('f/a', 'error'), enforcement: 'deny', exception: { reason: 'r', owner: 'o', expires: '2026-11-21' } },
  ]);
  t.like(judged('deny', 'error', { exceptions: [{ ...exception, expires: '2026-11-20' }] })[0], { exception: null });
});

test('an exception that has ended is a finding for the targets that it names, whatever else is found', (t) => {
  const exception = { rule: 'f/a', target: 'r.io/*', path: null, reason: 'r', owner: 'o', expires: '2026-11-20' };
  const expired = {
    rule: 'exceptions/expired',
    severity: 'warning',
    enforcement: 'warn',
    path: '',
    message: 'the exception from f/a ended on 2026-11-20; what it covered counts again',
    evidence: [
      { at: 'elfgate.yaml', label: 'target', value: 'r.io/*' },
      { at: 'elfgate.yaml', label: 'owner', value: 'o' },
      { at: 'elfgate.yaml', label: 'reason', value: 'r' },
    ],
    notes: [],
    help: 'ask o, then remove the exception or give it another day',
    exception: null,
  } as const;
  t.deepEqual(judged('off', 'error', { exceptions: [exception] }), [expired]);
  t.deepEqual(judged('off', 'error', { exceptions: [{ ...exception, expires: '2026-11-21' }] }), []);
  t.deepEqual(judged('off', 'error', { exceptions: [{ ...exception, target: 'other/*' }] }), []);
});
