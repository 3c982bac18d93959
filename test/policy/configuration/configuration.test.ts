import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ElfgateError } from '../../../src/errors.ts';
import {
  defaultConfiguration,
  findConfiguration,
  loadConfiguration,
  parseConfiguration,
} from '../../../src/policy/configuration/configuration.ts';
import type { RuleMetadata } from '../../../src/policy/rule-metadata.ts';
import { directoryOf } from '../scratch.ts';

const rule: RuleMetadata = {
  id: 'libc/static-nss',
  title: 'Static glibc reaches NSS',
  description: '',
  severity: 'error',
  enforce: 'deny',
  facts: [],
  parameters: {},
  sets: ['recommended'],
  relatedResources: [],
  file: 'libc/static-nss/static-nss.rego',
};
const rules: readonly RuleMetadata[] = [
  rule,
  {
    ...rule,
    id: 'visibility/hidden-by-default',
    parameters: {
      allow: { type: 'array', items: { type: 'string' }, default: [] },
      exports: { type: 'integer', minimum: 0, default: 100 },
    },
  },
];

const head = 'apiVersion: elfgate.dev/v1\nkind: Config\n';
const parse = (body: string) => parseConfiguration(head + body, 'elfgate.yaml', rules);

test('the configuration of the contract is read', async (t) => {
  const configuration = await parse(`ruleSet: strict
rules:
  libc/static-nss: { enforce: warn }
  visibility/hidden-by-default: { params: { allow: ["my_api_*"] } }
exceptions:
  - { rule: libc/static-nss, target: "registry.example.com/legacy/*", reason: "moves in March", owner: "team-a", expires: 2027-01-31 }
registries: [ { host: registry.internal, plainHttp: true }, { host: registry.example.com, ca: /etc/ca.pem, mirrors: [ mirror.internal ] } ]
`);
  t.deepEqual(configuration, {
    file: 'elfgate.yaml',
    ruleSet: 'strict',
    rules: new Map([
      ['libc/static-nss', { enforce: 'warn', parameters: {} }],
      ['visibility/hidden-by-default', { enforce: null, parameters: { allow: ['my_api_*'] } }],
    ]),
    exceptions: [
      {
        rule: 'libc/static-nss',
        target: 'registry.example.com/legacy/*',
        path: null,
        reason: 'moves in March',
        owner: 'team-a',
        expires: '2027-01-31',
      },
    ],
    registries: [
      { host: 'registry.internal', plainHttp: true, ca: null, mirrors: [] },
      { host: 'registry.example.com', plainHttp: false, ca: '/etc/ca.pem', mirrors: ['mirror.internal'] },
    ],
    admission: defaultConfiguration.admission,
    policies: defaultConfiguration.policies,
    trust: defaultConfiguration.trust,
  });
});

test('a configuration that says nothing leaves everything as shipped', async (t) => {
  t.deepEqual(await parse(''), { ...defaultConfiguration, file: 'elfgate.yaml' });
});

const wrong: readonly (readonly [string, string, string])[] = [
  ['an unknown key', 'rulset: strict\n', '3:1: unknown key rulset, did you mean ruleSet?'],
  ['a key that resembles none', 'x: 1\n', '3:1: unknown key x'],
  [
    'an unknown key in a rule',
    'rules:\n  libc/static-nss: { enfoce: warn }\n',
    '4:22: unknown key enfoce in rules.libc/static-nss, did you mean enforce?',
  ],
  [
    'a rule that does not exist',
    'rules:\n  libc/static-ns: { enforce: warn }\n',
    '4:3: there is no rule libc/static-ns, did you mean libc/static-nss?',
  ],
  [
    'an exception for a rule that does not exist',
    'exceptions:\n  - rule: static-nss\n    target: a\n    reason: b\n    owner: c\n    expires: 2027-01-31\n',
    '4:11: there is no rule static-nss, did you mean libc/static-nss?',
  ],
  [
    'an enforcement that does not exist',
    'rules:\n  libc/static-nss:\n    enforce: wran\n',
    '5:14: enforce must be one of deny, warn, dry-run, off, not wran, did you mean warn?',
  ],
  [
    'a rule set that does not exist',
    'ruleSet: all\n',
    '3:10: ruleSet must be one of recommended, strict, marketplace, none, not all',
  ],
  ['another version', 'kind: Config\n', '3:1: duplicated mapping key'],
  ['a rule without settings', 'rules:\n  libc/static-nss:\n', '4:3: libc/static-nss must be a mapping, not empty'],
  ['rules as a list', 'rules: [libc/static-nss]\n', '3:8: rules must be a mapping, not a list'],
  [
    'a parameter that the rule does not have',
    'rules:\n  visibility/hidden-by-default:\n    params:\n      alow: []\n',
    '6:7: unknown key alow in rules.visibility/hidden-by-default.params, did you mean allow?',
  ],
  [
    'a parameter of a rule that has none',
    'rules: { libc/static-nss: { params: { a: 1 } } }\n',
    '3:39: unknown key a in rules.libc/static-nss.params',
  ],
  [
    'a parameter of the wrong type',
    'rules:\n  visibility/hidden-by-default:\n    params:\n      exports: "5"\n',
    '6:16: exports must be an integer, not the string 5',
  ],
  [
    'an item of the wrong type',
    'rules:\n  visibility/hidden-by-default:\n    params:\n      allow:\n        - a\n        - 7\n',
    '8:11: item 2 of allow must be a string, not the number 7',
  ],
  [
    'a parameter out of its bounds',
    'rules: { visibility/hidden-by-default: { params: { exports: -1 } } }\n',
    '3:61: exports must be >= 0',
  ],
  [
    'an exception without a reason',
    'exceptions:\n  - { rule: libc/static-nss, target: a, owner: b, expires: 2027-01-31 }\n',
    '4:5: item 1 of exceptions lacks reason',
  ],
  [
    'an exception that never ends',
    'exceptions:\n  - { rule: libc/static-nss, target: a, owner: b, reason: c, expires: never }\n',
    '4:71: expires must look like 2027-01-31, not never',
  ],
  [
    'a day that does not exist',
    'exceptions:\n  - { rule: libc/static-nss, target: a, owner: b, reason: c, expires: 2027-02-29 }\n',
    '4:71: 2027-02-29 is no day of the calendar',
  ],
  ['a registry without a host', 'registries:\n  - plainHttp: true\n', '4:5: item 1 of registries lacks host'],
  [
    'a truth value that is text',
    'registries: [{ host: a, plainHttp: "yes" }]\n',
    '3:36: plainHttp must be a boolean, not the string yes',
  ],
  ['an empty host', 'registries: [{ host: "" }]\n', '3:22: host must not be empty'],
  ['a second document', '---\nkind: Config\n', '1:1: expected a single document in the stream, but found more'],
  ['an alias', 'rules: &a\n  libc/static-nss: *a\n', '3:8: anchors and aliases are not read here; write the value out'],
  ['a tag', 'ruleSet: !!js/function "x"\n', '3:10: unknown scalar tag !<tag:yaml.org,2002:js/function>'],
  ['a bad indent', 'rules:\n\tx: 1\n', '4:1: tab characters must not be used in indentation'],
  ['a key of an object prototype', '__proto__: { ruleSet: none }\n', '3:1: unknown key __proto__'],
];

for (const [name, body, expected] of wrong) {
  test(`${name} is an error with its place`, async (t) => {
    const error = await t.throwsAsync(parse(body), { instanceOf: ElfgateError, code: 'configuration' });
    t.is(error?.message, `elfgate.yaml:${expected}`);
    t.truthy(error?.hint);
  });
}

for (const [name, text, expected] of [
  ['an empty file', '', '1:1: expected a document, but the input is empty'],
  ['a file that is a list', '- a\n', '1:1: the configuration must be a mapping, not a list'],
  ['a file without its kind', 'apiVersion: elfgate.dev/v1\n', '1:1: the configuration lacks kind'],
  [
    'a file of another version',
    'apiVersion: elfgate.dev/v2\nkind: Config\n',
    '1:13: apiVersion must be elfgate.dev/v1, not elfgate.dev/v2',
  ],
  ['bytes that are no text', '\u0000\u0001', '1:1: '],
] as const) {
  test(`${name} is an error with its place`, async (t) => {
    const error = await t.throwsAsync(parseConfiguration(text, 'elfgate.yaml', rules), {
      instanceOf: ElfgateError,
      code: 'configuration',
    });
    t.true(error?.message.startsWith(`elfgate.yaml:${expected}`), error?.message);
  });
}

test('a bomb of anchors ends at once', async (t) => {
  const levels = Array.from(
    { length: 30 },
    (_, level) =>
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
  );
  const error = await t.throwsAsync(parse(`a: &a-1 x\n${levels.join('\n')}\n`), {
    instanceOf: ElfgateError,
    code: 'configuration',
  });
  t.regex(error?.message ?? '', /anchors and aliases are not read here/);
});

test('a tower of brackets ends at once', async (t) => {
  const error = await t.throwsAsync(parse(`rules: ${'['.repeat(100_000)}`), {
    instanceOf: ElfgateError,
    code: 'configuration',
  });
  t.regex(error?.message ?? '', /^elfgate\.yaml:3:\d+: /);
});

test('the first of several errors is told', async (t) => {
  const error = await t.throwsAsync(parse('x: 1\nruleSet: all\ny: 2\n'), { instanceOf: ElfgateError });
  t.is(error?.message, 'elfgate.yaml:3:1: unknown key x');
});

test('the nearest elfgate.yaml above a directory is found', (t) => {
  const directory = directoryOf({ 'elfgate.yaml': head, 'a/b/c/x': '', 'a/elfgate.yaml': head });
  t.is(findConfiguration(join(directory, 'a/b/c')), join(directory, 'a/elfgate.yaml'));
  t.is(findConfiguration(directory), join(directory, 'elfgate.yaml'));
  mkdirSync(join(directory, 'd'));
  t.is(findConfiguration(join(directory, 'd')), join(directory, 'elfgate.yaml'));
});

test('a configuration is read from its file', async (t) => {
  const directory = directoryOf({ 'elfgate.yaml': `${head}ruleSet: none\n` });
  const file = join(directory, 'elfgate.yaml');
  t.like(await loadConfiguration(file, rules), { file, ruleSet: 'none' });
  writeFileSync(file, `${head}ruleset: none\n`);
  await t.throwsAsync(loadConfiguration(file, rules), {
    instanceOf: ElfgateError,
    code: 'configuration',
    message: `${file}:3:1: unknown key ruleset, did you mean ruleSet?`,
  });
  await t.throwsAsync(loadConfiguration('/nonexistent', rules), {
    instanceOf: ElfgateError,
    code: 'unreadable',
    message: '/nonexistent: cannot be read (ENOENT)',
  });
});
