import fc from 'fast-check';

/** A module that nobody thought of, and an input for it. */
export interface RandomPolicy {
  readonly module: string;
  readonly input: unknown;
}

const keys = ['a', 'b', 'c', 'd'] as const;

const scalar = fc.oneof(
  fc.integer({ min: -3, max: 12 }),
  fc.constantFrom(0.5, -1.25, 1e3, 2 ** 40),
  fc.constantFrom('', 'a', 'b', 'a,b', 'Ü🚀', '%d', '10', 'x/y'),
  fc.boolean(),
  fc.constant(null),
);

const { value: inputValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: scalar, weight: 2 },
    { arbitrary: fc.array(tie('value'), { minLength: 1, maxLength: 4 }), weight: 2 },
    {
      arbitrary: fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 3, noNullPrototype: true }),
      weight: 2,
    },
  ),
}));

const input = fc.record(Object.fromEntries(keys.map((key) => [key, inputValue])));

/** What an expression may name. */
interface Scope {
  readonly variables: readonly string[];
  readonly rules: readonly string[];
  readonly depth: number;
}

const literal = scalar.map((one) => JSON.stringify(one));
const key = fc.constantFrom(...keys);
const unary = fc.constantFrom(
  'count', 'sum', 'product', 'max', 'min', 'sort', 'lower', 'upper', 'abs', 'round', 'floor', 'ceil', 'to_number',
  'json.marshal', 'type_name', 'is_string', 'is_number', 'is_array', 'is_object', 'is_set', 'trim_space', 'base64.encode',
  'object.keys', 'strings.reverse', 'hex.encode', 'crypto.sha256', 'glob.quote_meta', 'urlquery.encode', 'yaml.marshal', 'json.is_valid',
  'array.reverse', 'units.parse', 'semver.is_valid', 'union', 'intersection', 'object.union_n', 'regex.is_valid',
); // biome-ignore format: a list of names
const binary = fc.constantFrom(
  'concat', 'contains', 'startswith', 'endswith', 'split', 'indexof', 'indexof_n', 'trim', 'trim_left', 'trim_prefix',
  'array.concat', 'object.union', 'object.remove', 'object.filter', 'object.subset', 'sprintf', 'format_int',
  'numbers.range', 'strings.count', 'json.remove', 'json.filter', 'strings.any_prefix_match',
  'graph.reachable', 'bits.and', 'bits.or', 'json.patch', 'regex.match', 'regex.split', 'net.cidr_contains',
); // biome-ignore format: a list of names
const ternary = fc.constantFrom(
  'array.slice', 'substring', 'replace', 'object.get', 'regex.replace', 'regex.find_n', 'strings.split_n',
  'numbers.range_step',
); // biome-ignore format: a list of names

/** The same value, of a type that the compiler does not know: it would refuse most of what chance puts together. */
function untyped(expression: string): string {
  return expression.startsWith('input') ? expression : `object.get({}, 0, ${expression})`;
}

function reference({ variables, rules }: Scope): fc.Arbitrary<string> {
  const root = fc.constantFrom('input', 'input', ...variables, ...variables, ...rules);
  const step = fc.oneof(
    key.map((one) => `.${one}`),
    fc.constantFrom('[0]', '[1]', '[-1]', '["a"]', '[_]'),
    ...(variables.length > 0 ? [fc.constantFrom(...variables).map((name) => `[${name}]`)] : []),
  );
  return fc.tuple(root, fc.array(step, { maxLength: 2 })).map(([name, steps]) => {
    const path = name === 'input' && steps.length === 0 ? ['.a'] : steps;
    return `${rules.includes(name) ? untyped(name) : name}${path.join('')}`;
  });
}

function expression(scope: Scope): fc.Arbitrary<string> {
  const plain = fc.oneof({ arbitrary: literal, weight: 1 }, { arbitrary: reference(scope), weight: 3 });
  if (scope.depth <= 0) {
    return plain;
  }
  const inner = expression({ ...scope, depth: scope.depth - 1 });
  const item = `x${scope.depth}`;
  const within = { ...scope, depth: scope.depth - 1, variables: [...scope.variables, item] };
  return fc.oneof(
    { arbitrary: plain, weight: 4 },
    { arbitrary: fc.array(inner, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`), weight: 1 },
    { arbitrary: fc.array(inner, { minLength: 1, maxLength: 3 }).map((items) => `{${items.join(', ')}}`), weight: 1 },
    { arbitrary: fc.tuple(key, inner).map(([name, of]) => `{"${name}": ${of}}`), weight: 1 },
    { arbitrary: fc.tuple(unary, inner).map(([name, of]) => `${name}(${untyped(of)})`), weight: 2 },
    {
      arbitrary: fc.tuple(binary, inner, inner).map(([name, ...of]) => `${name}(${of.map(untyped).join(', ')})`),
      weight: 2,
    },
    {
      arbitrary: fc
        .tuple(ternary, inner, inner, inner)
        .map(([name, ...of]) => `${name}(${of.map(untyped).join(', ')})`),
      weight: 1,
    },
    {
      arbitrary: fc
        .tuple(inner, fc.constantFrom('+', '-', '*', '/', '%', '|', '&'), inner)
        .map(([left, operator, right]) => `(${untyped(left)} ${operator} ${untyped(right)})`),
      weight: 1,
    },
    {
      arbitrary: fc
        .tuple(fc.constantFrom('[]', '{}'), inner, fc.array(condition(within), { maxLength: 1 }), expression(within))
        .map(
          ([[open, close], of, when, head]) =>
            `${open}${head} | ${[`some ${item} in ${untyped(of)}`, ...when].join('; ')}${close}`,
        ),
      weight: 1,
    },
  );
}

function condition(scope: Scope): fc.Arbitrary<string> {
  const inner = expression({ ...scope, depth: Math.min(scope.depth, 1) });
  const compared = fc
    .tuple(inner, fc.constantFrom('==', '!=', '<', '<=', '>', '>='), inner)
    .map(([left, operator, right]) => `${untyped(left)} ${operator} ${untyped(right)}`);
  const item = `y${scope.depth}`;
  return fc.oneof(
    { arbitrary: compared, weight: 3 },
    { arbitrary: inner, weight: 1 },
    { arbitrary: fc.tuple(inner, inner).map(([one, of]) => `${one} in ${untyped(of)}`), weight: 1 },
    {
      arbitrary: fc
        .tuple(reference({ ...scope, variables: [] }), literal)
        .map(([one, of]) => `not ${untyped(one.replaceAll('[_]', '[0]'))} == ${of}`),
      weight: 1,
    },
    {
      arbitrary: fc
        .tuple(inner, literal)
        .map(([of, limit]) => `every ${item} in ${untyped(of)} { ${item} != ${limit} }`),
      weight: 1,
    },
    ...(scope.rules.length > 0
      ? [
          {
            arbitrary: fc
              .tuple(
                fc.constantFrom(...scope.rules),
                literal,
                fc.constantFrom('input', 'input.a', 'input.b.c'),
                inputValue,
              )
              .map(
                ([rule, of, place, replaced]) =>
                  `${untyped(rule)} != ${of} with ${place} as ${JSON.stringify(replaced)}`,
              ),
            weight: 1,
          },
        ]
      : []),
  );
}

function body(scope: Scope): fc.Arbitrary<string> {
  const known = fc.oneof(
    key.map((one) => `input.${one}`),
    fc.constantFrom('input.a', ...scope.rules),
  );
  const item = fc.constantFrom('some v in ', 'some k, v in ', 'v := ');
  return fc
    .tuple(
      item,
      fc.oneof({ arbitrary: known, weight: 4 }, { arbitrary: expression({ ...scope, depth: 1 }), weight: 1 }),
    )
    .chain(([start, of]) => {
      const variables = start.includes('k,') ? ['k', 'v'] : ['v'];
      return fc
        .array(condition({ ...scope, variables: [...scope.variables, ...variables], depth: 1 }), { maxLength: 1 })
        .map((conditions) => [`${start}${untyped(of)}`, ...conditions].map((line) => `\t${line}\n`).join(''));
    });
}

function rule(name: string, rules: readonly string[]): fc.Arbitrary<string> {
  const outside: Scope = { variables: [], rules, depth: 1 };
  const inside: Scope = { variables: ['v'], rules, depth: 1 };
  const kinds: readonly fc.Arbitrary<string>[] = [
    fc.tuple(expression(inside), body(outside)).map(([head, of]) => `${name} contains ${head} if {\n${of}}\n`),
    fc.tuple(expression(inside), body(outside)).map(([head, of]) => `${name}[v] := ${head} if {\n${of}}\n`),
    fc.tuple(expression(inside), body(outside)).map(([head, of]) => `${name} := [${head} |\n${of}]\n`),
    fc
      .tuple(literal, literal, body(outside), body(outside))
      .map(
        ([one, other, of, or]) =>
          `default ${name} := null\n\n${name} := ${one} if {\n${of}} else := ${other} if {\n${or}}\n`,
      ),
    fc
      .tuple(expression({ variables: ['p'], rules, depth: 2 }), expression(outside))
      .map(([head, of]) => `f_${name}(p) := ${head}\n\n${name} := f_${name}(${of})\n`),
  ];
  return fc.oneof(...kinds);
}

/** Modules of three rules, each of which may ask the ones before; some do not compile. */
export const randomPolicy: fc.Arbitrary<RandomPolicy> = fc
  .tuple(rule('r', []), rule('s', ['r']), rule('t', ['r', 's']), input)
  .map(([first, second, third, given]) => ({
    module: `package random\n\n${[first, second, third].join('\n')}`,
    input: given,
  }));
