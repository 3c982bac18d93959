import { Errors } from 'typebox/schema';
import { ElfgateError } from '../../errors.ts';
import type { RuleMetadata } from '../rule-metadata.ts';
import { type ConfigurationDocument, configurationSchema, type JsonSchema } from './configuration-schema.ts';
import { didYouMean } from './did-you-mean.ts';
import { isCalendarDay } from './exceptions.ts';
import { type Position, type PositionedYaml, readYaml, YamlFault } from './positioned-yaml.ts';

/**
 * The document of a configuration text, once it is known to follow the schema.
 *
 * @throws ElfgateError `configuration` for the first thing, in the order of the text, that is wrong.
 */
export function validatedDocument(
  text: string,
  file: string,
  rules: readonly RuleMetadata[] | null,
): ConfigurationDocument {
  const yaml = readOrThrow(text, file);
  const schema = configurationSchema(rules);
  const faults = [...schemaFaults(schema, yaml), ...dateFaults(yaml.value, yaml)].sort(byPosition);
  const [first] = faults;
  if (first !== undefined) {
    throw configurationError(file, first.position, first.sentence, first.hint);
  }
  return yaml.value as ConfigurationDocument;
}

interface Fault {
  readonly position: Position;
  readonly sentence: string;
  readonly hint: string;
}

const documentation = 'elfgate schema config describes every key';

function readOrThrow(text: string, file: string): PositionedYaml {
  try {
    return readYaml(text);
  } catch (error) {
    if (error instanceof YamlFault) {
      throw configurationError(
        file,
        error.position,
        error.message,
        'the file must hold one plain YAML document',
        error,
      );
    }
    throw error;
  }
}

function schemaFaults(schema: JsonSchema, yaml: PositionedYaml): readonly Fault[] {
  const [, errors] = Errors({ ...schema }, yaml.value);
  return errors.flatMap((error): readonly Fault[] => {
    const path = error.instancePath.split('/').slice(1).map(unescapePointer);
    const name = nameOf(path, yaml.value);
    const here = schemaAt(schema, path);
    const value = valueAt(yaml.value, path);
    const fault = (sentence: string, hint = documentation): Fault => ({
      position: yaml.positionOfValue(path),
      sentence,
      hint,
    });
    switch (error.keyword) {
      case 'additionalProperties':
        return error.params.additionalProperties.map((key) => unknownKey(key, path, here, yaml));
      // An unknown key breaks the schema `false`, too; it is told once, above.
      case 'boolean':
        return [];
      case 'required':
        return [fault(`${name} lacks ${error.params.requiredProperties.join(' and ')}`)];
      case 'type':
        return [fault(`${name} must be ${withArticle(error.params.type)}, not ${kindOf(value)}`)];
      case 'const':
        return [fault(`${name} must be ${error.params.allowedValue}, not ${shown(value)}`)];
      case 'enum':
        return [notAllowed(error.params.allowedValues.map(String), value, path, fault)];
      case 'pattern':
        return [fault(`${name} must look like ${exampleOf(here)}, not ${shown(value)}`)];
      case 'minLength':
        return [fault(`${name} must not be empty`)];
      default:
        return [fault(`${name} ${error.message}`)];
    }
  });
}

function unknownKey(key: string, path: readonly string[], schema: JsonSchema, yaml: PositionedYaml): Fault {
  const candidates = Object.keys(schema.properties ?? {});
  const meant = didYouMean(key, candidates);
  const isRule = path.join('.') === 'rules';
  const place = path.length === 0 ? '' : ` in ${path.join('.')}`;
  return {
    position: yaml.positionOfKey([...path, key]),
    sentence: `${isRule ? `there is no rule ${key}` : `unknown key ${key}${place}`}${meant === null ? '' : `, did you mean ${meant}?`}`,
    hint: isRule ? 'elfgate policy list shows every rule' : `known here: ${candidates.join(', ') || 'nothing'}`,
  };
}

function notAllowed(
  allowed: readonly string[],
  value: unknown,
  path: readonly string[],
  fault: (sentence: string, hint?: string) => Fault,
): Fault {
  const name = path.at(-1);
  const meant = typeof value === 'string' ? didYouMean(value, allowed) : null;
  const question = meant === null ? '' : `, did you mean ${meant}?`;
  if (path[0] === 'exceptions' && name === 'rule') {
    return fault(`there is no rule ${shown(value)}${question}`, 'elfgate policy list shows every rule');
  }
  return fault(`${name} must be one of ${allowed.join(', ')}, not ${shown(value)}${question}`);
}

/** A pattern cannot tell the 31st of February. */
function dateFaults(document: unknown, yaml: PositionedYaml): readonly Fault[] {
  const exceptions = valueAt(document, ['exceptions']);
  return (Array.isArray(exceptions) ? exceptions : []).flatMap((_, index) => {
    const path = ['exceptions', String(index), 'expires'];
    const expires = valueAt(document, path);
    return typeof expires === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(expires) && !isCalendarDay(expires)
      ? [
          {
            position: yaml.positionOfValue(path),
            sentence: `${expires} is no day of the calendar`,
            hint: documentation,
          },
        ]
      : [];
  });
}

function nameOf(path: readonly string[], document: unknown): string {
  const last = path.at(-1);
  if (last === undefined) {
    return 'the configuration';
  }
  const parent = path.slice(0, -1);
  return Array.isArray(valueAt(document, parent)) ? `item ${Number(last) + 1} of ${parent.at(-1)}` : last;
}

/** Of a text with a pattern: an example says more than a regular expression. */
function exampleOf(schema: JsonSchema): string {
  return Array.isArray(schema.examples) ? String(schema.examples[0]) : String(schema.pattern);
}

function schemaAt(schema: JsonSchema, path: readonly string[]): JsonSchema {
  return path.reduce<JsonSchema>((here, key) => {
    const below = here.properties?.[key] ?? here.items ?? here.additionalProperties;
    return typeof below === 'object' ? below : {};
  }, schema);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (here, key) =>
      typeof here === 'object' && here !== null && Object.hasOwn(here, key) ? Reflect.get(here, key) : undefined,
    value,
  );
}

function withArticle(type: string | readonly string[]): string {
  const names = typeof type === 'string' ? [type] : type;
  return names
    .map((name) =>
      name === 'array'
        ? 'a list'
        : name === 'object'
          ? 'a mapping'
          : /^[aeiou]/.test(name)
            ? `an ${name}`
            : `a ${name}`,
    )
    .join(' or ');
}

function kindOf(value: unknown): string {
  if (value === null) {
    return 'empty';
  }
  return Array.isArray(value)
    ? 'a list'
    : typeof value === 'object'
      ? 'a mapping'
      : `the ${typeof value} ${shown(value)}`;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function byPosition(a: Fault, b: Fault): number {
  return a.position.line - b.position.line || a.position.column - b.position.column;
}

function configurationError(
  file: string,
  { line, column }: Position,
  sentence: string,
  hint: string,
  cause?: Error,
): ElfgateError {
  return new ElfgateError('configuration', `${file}:${line}:${column}: ${sentence}`, {
    hint,
    ...(cause !== undefined && { cause }),
  });
}

/** RFC 6901, section 4. */
function unescapePointer(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}
