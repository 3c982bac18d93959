/** elfgate as a library: inspect targets, evaluate policies, report findings. */

export { ElfgateError, type ErrorCode, FormatError } from './errors.ts';
export { inspect } from './facts/inspect.ts';
export type { InspectOptions, Target } from './facts/inspected-target.ts';
export type { FactsDocument } from './facts/schema.ts';
export type { Finding, Report, Summary } from './findings/finding.ts';
export { renderJson } from './findings/json.ts';
export { type Judge, reportOn } from './findings/report.ts';
export { renderText } from './findings/text.ts';
export { type PredictOptions, predictPluginOpens, type SequencePrediction } from './loader/plugin-open/predict.ts';
export { type OpenPrediction, type OpenReason, openReasons } from './loader/plugin-open/prediction.ts';
export { compilePolicies } from './policy/compile-policies.ts';
export {
  type Configuration,
  defaultConfiguration,
  findConfiguration,
  loadConfiguration,
} from './policy/configuration/configuration.ts';
export { rulesInForce } from './policy/enforcement.ts';
export { loadPolicy, type Policy } from './policy/evaluation.ts';
export { type PolicyBundle, readBundle } from './policy/policy-bundle.ts';
