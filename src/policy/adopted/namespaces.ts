/** The packages of Conftest that are evaluated, as `main` or `kubernetes.security`; or all that state something. */
export type Namespaces = readonly string[] | 'all';

/** As in Conftest: `conftest test` without `--namespace`. */
export const defaultNamespaces: Namespaces = ['main'];
