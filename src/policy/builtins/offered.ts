import { decodeHex, encodeHex } from './encodings.ts';
import type { RegoValue } from './rego-value.ts';
import { compareSemver, isValidSemver } from './semver.ts';
import { sprintf } from './sprintf.ts';
import { anyPrefixMatch, anySuffixMatch, countOccurrences } from './strings.ts';

/**
 * A built-in function on this side of the policy.
 *
 * Returning undefined makes the call undefined in Rego, which is what OPA does with operands of the wrong type.
 * Throwing ends the evaluation: only for what a policy must never go on from.
 */
export type Builtin =
  | { readonly operands: 'json'; readonly call: (...operands: readonly unknown[]) => unknown }
  /** Operands with sets as sets and numbers as they are written. */
  | { readonly operands: 'rego'; readonly call: (...operands: readonly RegoValue[]) => unknown };

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
export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ['hex.decode', { operands: 'json', call: decodeHex }],
  ['hex.encode', { operands: 'json', call: encodeHex }],
  ['semver.compare', { operands: 'json', call: compareSemver }],
  ['semver.is_valid', { operands: 'json', call: isValidSemver }],
  ['sprintf', { operands: 'rego', call: sprintf }],
  ['strings.any_prefix_match', { operands: 'json', call: anyPrefixMatch }],
  ['strings.any_suffix_match', { operands: 'json', call: anySuffixMatch }],
  ['strings.count', { operands: 'json', call: countOccurrences }],
]);
