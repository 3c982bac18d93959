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
  { names: ['hex.decode', 'hex.encode'], load: async () => (await import('./encodings.ts')).encodings },
  { names: ['semver.compare', 'semver.is_valid'], load: async () => (await import('./semver.ts')).semver },
  { names: ['sprintf'], load: async () => (await import('./sprintf.ts')).formatting },
  {
    names: ['strings.any_prefix_match', 'strings.any_suffix_match', 'strings.count'],
    load: async () => (await import('./strings.ts')).strings,
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
  return answeredElsewhere.includes(name) || families.some(({ names }) => names.includes(name));
}

/** The built-ins of these names, as far as they are offered. */
export async function offeredBuiltins(wanted: readonly string[]): Promise<ReadonlyMap<string, Builtin>> {
  const needed = families.filter(({ names }) => names.some((name) => wanted.includes(name)));
  const loaded = await Promise.all(needed.map(({ load }) => load()));
  return new Map(loaded.flatMap((builtins) => Object.entries(builtins)));
}
