/** The predicate type by which cosign marks a signature in a bundle. Attestations of other types are no signatures. */
export const signaturePredicate = 'https://sigstore.dev/cosign/sign/v1';

/** What payloads of cosign's first format call themselves: its own name, and the one of the format that it took over. */
const simpleSigningTypes: readonly string[] = ['cosign container image signature', 'atomic container signature'];

export function isSimpleSigning(type: string): boolean {
  return simpleSigningTypes.includes(type);
}
