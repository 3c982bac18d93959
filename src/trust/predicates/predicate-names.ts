/** Predicates that have schemas of elfgate's own, by the names that commands take. */
export const ownPredicateNames = ['fips-report', 'service-level', 'canary-measurement', 'attested-facts'] as const;
export type OwnPredicateName = (typeof ownPredicateNames)[number];
