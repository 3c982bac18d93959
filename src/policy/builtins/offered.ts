import { answeredByOpa } from './answered-by-opa.ts';
import type { Builtin, Builtins } from './builtin.ts';

/**
 * The built-ins that policies may use besides those inside every compiled module.
 *
 * Inside the module (`internal/compiler/wasm/wasm.go` of OPA 1.22): arithmetic, comparison and bits.*; all
 * aggregates (count, sum, product, max, min, sort, all, any); array.concat, flatten, reverse, slice; sets; is_*,
 * type_name, to_number; base64.*, base64url.encode and decode; concat, contains, endswith, format_int, indexof,
 * lower, replace, split, startswith, strings.replace_n, strings.reverse, substring, trim*, upper, and string
 * templates (`$"{x}"`); glob.match; regex.is_valid, regex.match, regex.find_all_string_submatch_n (RE2, linear in
 * time); json.* except patch, match_schema and verify_schema; object.* except subset; numbers.range; graph.reachable;
 * net.cidr_contains, cidr_intersects, cidr_overlap; walk; in.
 *
 * The built-ins of the SDK are not taken: its sprintf differs from Go's, and its regex.split is JavaScript's, which
 * a hostile file name can stop for hours.
 */
const families: readonly Family[] = [
  {
    names: ['base64url.encode_no_pad', 'hex.decode', 'hex.encode'],
    load: async () => (await import('./encodings.ts')).encodings,
  },
  {
    names: ['cast_array', 'cast_boolean', 'cast_null', 'cast_object', 'cast_set', 'cast_string'],
    load: async () => (await import('./casts.ts')).casts,
  },
  {
    names: [
      'crypto.hmac.equal',
      'crypto.hmac.md5',
      'crypto.hmac.sha1',
      'crypto.hmac.sha256',
      'crypto.hmac.sha512',
      'crypto.md5',
      'crypto.sha1',
      'crypto.sha256',
    ],
    load: async () => (await import('./hashes.ts')).hashes,
  },
  { names: ['glob.quote_meta'], load: async () => (await import('./globs.ts')).globs },
  { names: ['graph.reachable_paths'], load: async () => (await import('./graphs.ts')).graphs },
  {
    names: [
      'io.jwt.decode',
      'io.jwt.decode_verify',
      'io.jwt.encode_sign',
      'io.jwt.encode_sign_raw',
      'io.jwt.verify_eddsa',
      'io.jwt.verify_es256',
      'io.jwt.verify_es384',
      'io.jwt.verify_es512',
      'io.jwt.verify_hs256',
      'io.jwt.verify_hs384',
      'io.jwt.verify_hs512',
      'io.jwt.verify_ps256',
      'io.jwt.verify_ps384',
      'io.jwt.verify_ps512',
      'io.jwt.verify_rs256',
      'io.jwt.verify_rs384',
      'io.jwt.verify_rs512',
    ],
    load: async () => (await import('./json-web-tokens.ts')).jsonWebTokens,
  },
  { names: ['json.marshal_with_options'], load: async () => (await import('./json-texts.ts')).jsonTexts },
  {
    names: ['json.match_schema', 'json.verify_schema'],
    load: async () => (await import('./json-schemas.ts')).jsonSchemas,
  },
  { names: ['json.patch'], load: async () => (await import('./json-patches.ts')).jsonPatches },
  {
    names: ['net.cidr_contains_matches', 'net.cidr_expand', 'net.cidr_is_valid', 'net.cidr_merge'],
    load: async () => (await import('./cidrs.ts')).cidrs,
  },
  { names: ['numbers.range_step'], load: async () => (await import('./ranges.ts')).ranges },
  { names: ['object.subset'], load: async () => (await import('./objects.ts')).objects },
  { names: ['rand.intn', 'uuid.rfc4122'], load: async () => (await import('./randomness.ts')).randomness },
  {
    names: ['regex.find_n', 'regex.globs_match', 'regex.replace', 'regex.split', 'regex.template_match'],
    load: async () => (await import('./regular-expressions.ts')).regularExpressions,
  },
  { names: ['semver.compare', 'semver.is_valid'], load: async () => (await import('./semver.ts')).semver },
  { names: ['sprintf'], load: async () => (await import('./sprintf.ts')).formatting },
  {
    names: ['indexof_n', 'strings.any_prefix_match', 'strings.any_suffix_match', 'strings.count', 'strings.split_n'],
    load: async () => (await import('./strings.ts')).strings,
  },
  {
    names: [
      'time.add_date',
      'time.clock',
      'time.date',
      'time.diff',
      'time.format',
      'time.now_ns',
      'time.parse_duration_ns',
      'time.parse_ns',
      'time.parse_rfc3339_ns',
      'time.weekday',
    ],
    load: async () => (await import('./times.ts')).times,
  },
  { names: ['units.parse', 'units.parse_bytes'], load: async () => (await import('./units.ts')).units },
  {
    names: [
      'uri.is_valid',
      'uri.parse',
      'urlquery.decode',
      'urlquery.decode_object',
      'urlquery.encode',
      'urlquery.encode_object',
    ],
    load: async () => (await import('./urls.ts')).urls,
  },
  { names: ['uuid.parse'], load: async () => (await import('./uuids.ts')).uuids },
  {
    names: ['yaml.is_valid', 'yaml.marshal', 'yaml.unmarshal'],
    load: async () => (await import('./yamls.ts')).yamls,
  },
];

/** Built-ins that one file offers. It is loaded when a policy needs one of them: most need none. */
interface Family {
  readonly names: readonly string[];
  load(): Promise<Builtins>;
}

/** Answered by the instance itself: see `running-rule.ts`. */
const answeredElsewhere = ['trace'];

/** Whether policies may call a built-in of this name that is not inside their module. */
export function isOffered(name: string): boolean {
  return (
    answeredElsewhere.includes(name) ||
    answeredByOpa.includes(name) ||
    families.some(({ names }) => names.includes(name))
  );
}

/** Whether a built-in of this name is answered by OPA's own function, in the program that compiles policies. */
export function needsOpaProgram(name: string): boolean {
  return answeredByOpa.includes(name);
}

/**
 * The built-ins of these names, as far as they are offered.
 *
 * @param program gives the compiled opa program. It is asked when one of the names needs it.
 */
export async function offeredBuiltins(
  wanted: readonly string[],
  program: () => Promise<WebAssembly.Module>,
): Promise<ReadonlyMap<string, Builtin>> {
  const needed = families.filter(({ names }) => names.some((name) => wanted.includes(name)));
  const loaded = await Promise.all(needed.map(({ load }) => load()));
  const offered = new Map(loaded.flatMap((builtins) => Object.entries(builtins)));
  const foreign = wanted.filter(needsOpaProgram);
  if (foreign.length > 0) {
    const { builtinsOfOpa } = await import('./builtins-of-opa.ts');
    for (const [name, builtin] of builtinsOfOpa(foreign, await program())) {
      offered.set(name, builtin);
    }
  }
  return offered;
}
