/** The fields of an object from a cluster or a manifest: anybody may have written it, so that no field is of a sure type. */
export type Fields = Readonly<Record<string, unknown>>;

/** A value's fields; none for what is no object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** A value's elements; none for what is no list. */
export function elementsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text, or null for anything else, the empty text included: Kubernetes takes it for absent. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** true or false, or null for anything else. */
export function flagOf(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** A finite number, or null for anything else. */
export function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Fields that are texts, as labels and node selectors. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** What stands at a path of fields, as `spec.template`; undefined where there is nothing. */
export function valueAt(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => {
    const fields = fieldsOf(value);
    return Object.hasOwn(fields, name) ? fields[name] : undefined;
  }, object);
}
