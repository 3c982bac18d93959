/** Names the shape of the facts document. Apart from the schema, so that inspecting does not load the schema library. */
export const schemaVersion = 'elfgate.dev/facts/v1';
