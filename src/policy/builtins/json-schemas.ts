import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { RE2JS } from 're2js';
import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { jsonOf } from './operands.ts';

/**
 * JSON Schema up to draft 7, by `ajv`; the words of its findings are those of OPA. Patterns are RE2's, because the
 * documents that they look at are hostile. Nothing is fetched: a schema that refers to another document is invalid.
 */
export const jsonSchemas: Builtins = {
  'json.match_schema': plain((document, schema) => {
    const validate = compile(jsonDocument(schema));
    const value = jsonDocument(document);
    const valid = validate(value);
    const errors = (validate.errors ?? []).map((error) => described(error));
    return [valid, errors];
  }),
  'json.verify_schema': plain((schema) => {
    try {
      compile(jsonDocument(schema));
      return [true, null];
    } catch (error) {
      if (!(error instanceof BuiltinError)) {
        throw error;
      }
      return [false, `jsonschema: ${error.message}`];
    }
  }),
};

function jsonDocument(operand: unknown): unknown {
  if (typeof operand === 'string') {
    try {
      return JSON.parse(operand);
    } catch (cause) {
      throw new BuiltinError('invalid JSON string', { cause });
    }
  }
  if (typeof operand !== 'object' || operand === null || operand instanceof Set) {
    throw new BuiltinError('wrong type, expected string or object');
  }
  return jsonOf(operand);
}

const compiled = new Map<string, ValidateFunction>();
const compiledAtMost = 20;

function compile(schema: unknown): ValidateFunction {
  const key = JSON.stringify(schema);
  const known = compiled.get(key);
  if (known !== undefined) {
    return known;
  }
  if (compiled.size >= compiledAtMost) {
    compiled.clear();
  }
  const linear = (pattern: string) => {
    const expression = RE2JS.compile(pattern);
    return { test: (text: string) => expression.matcher(text).find() };
  };
  // Ajv asks for the name of the engine in generated code, which is never written out here.
  linear.code = 'linear';
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    strict: false,
    validateFormats: false,
    logger: false,
    code: { regExp: linear as never },
  });
  try {
    const validate = ajv.compile(schema as object);
    compiled.set(key, validate);
    return validate;
  } catch (cause) {
    const wrongType = ajv.errors?.find(({ instancePath }) => instancePath.endsWith('/type'));
    const message = wrongType
      ? `has a primitive type that is NOT VALID -- given: /${wrongType.data}/ Expected valid values are:[array boolean integer number null object string]`
      : cause instanceof Error
        ? cause.message
        : String(cause);
    throw new BuiltinError(message, { cause });
  }
}

function described({ keyword, instancePath, params, data, message = '' }: ErrorObject): object {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const field = path.length === 0 ? '(root)' : path.join('.');
  const [type, desc] =
    keyword === 'type'
      ? ['invalid_type', `Invalid type. Expected: ${params.type}, given: ${typeOf(data)}`]
      : wordsFor(keyword, params, message, field);
  return { error: `${field}: ${desc}`, type, field, desc };
}

/** Type and description, as `internal/gojsonschema/locales.go` of OPA has them. */
function wordsFor(
  keyword: string,
  params: Readonly<Record<string, unknown>>,
  message: string,
  field: string,
): readonly [string, string] {
  switch (keyword) {
    case 'required':
      return ['required', `${params.missingProperty} is required`];
    case 'additionalProperties':
      return ['additional_property_not_allowed', `Additional property ${params.additionalProperty} is not allowed`];
    case 'enum':
      return [
        'enum',
        `${field} must be one of the following: ${(params.allowedValues as unknown[]).map((one) => JSON.stringify(one)).join(', ')}`,
      ];
    case 'minLength':
      return ['string_gte', `String length must be greater than or equal to ${params.limit}`];
    case 'maxLength':
      return ['string_lte', `String length must be less than or equal to ${params.limit}`];
    case 'pattern':
      return ['pattern', `Does not match pattern '${params.pattern}'`];
    case 'minimum':
      return ['number_gte', `Must be greater than or equal to ${params.limit}`];
    case 'maximum':
      return ['number_lte', `Must be less than or equal to ${params.limit}`];
    case 'exclusiveMinimum':
      return ['number_gt', `Must be greater than ${params.limit}`];
    case 'exclusiveMaximum':
      return ['number_lt', `Must be less than ${params.limit}`];
    case 'minItems':
      return ['array_min_items', `Array must have at least ${params.limit} items`];
    case 'maxItems':
      return ['array_max_items', `Array must have at most ${params.limit} items`];
    default:
      return [keyword, message];
  }
}

function typeOf(value: unknown): string {
  if (value === null || Array.isArray(value)) {
    return value === null ? 'null' : 'array';
  }
  return Number.isInteger(value) ? 'integer' : typeof value;
}
