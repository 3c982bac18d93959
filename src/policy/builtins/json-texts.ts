import { BuiltinError, type Builtins, plain } from './builtin.ts';
import { goJson, goJsonIndented } from './go-json.ts';
import { recordOf, textOf } from './operands.ts';

export const jsonTexts: Builtins = {
  'json.marshal_with_options': plain((value, operand) => {
    const { prefix, indent, pretty, ...unknown } = recordOf(operand);
    if (Object.keys(unknown).length > 0 || (pretty !== undefined && typeof pretty !== 'boolean')) {
      throw new BuiltinError('object contained unknown key');
    }
    const margin = prefix === undefined ? '' : textOf(prefix);
    const step = indent === undefined ? '\t' : textOf(indent);
    // Asking for a margin asks for lines.
    return (pretty ?? (prefix !== undefined || indent !== undefined))
      ? margin + goJsonIndented(value, margin, step)
      : goJson(value);
  }),
};
