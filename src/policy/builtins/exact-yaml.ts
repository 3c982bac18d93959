import { CORE_SCHEMA, defineScalarTag, intCoreTag, Schema } from 'js-yaml';

const exactInteger = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: ['-', '+', ...'0123456789'],
  resolve(source, isExplicit, tagName) {
    const number = intCoreTag.resolve(source, isExplicit, tagName);
    return typeof number === 'number' && !Number.isSafeInteger(number) && /^[-+]?\d+$/.test(source)
      ? BigInt(source)
      : (number as number | bigint);
  },
  identify: (value) => typeof value === 'bigint' || intCoreTag.identify(value),
  represent: (value) => String(value),
});

/** YAML 1.2 whose integers keep every digit. Its tag stands where that of integers stood: floating-point numbers look alike. */
export const exactSchema = new Schema(CORE_SCHEMA.tags.map((tag) => (tag === intCoreTag ? exactInteger : tag)));
