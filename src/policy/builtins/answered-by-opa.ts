/**
 * Built-ins that OPA's own Go functions answer, in the program that also compiles policies: what they give is the JSON
 * of Go's structures, and no library writes that alike.
 *
 * The program is 40 MB and takes about a second to start; a call takes milliseconds after that.
 */
export const answeredByOpa: readonly string[] = [
  'crypto.parse_private_keys',
  'crypto.x509.parse_and_verify_certificates',
  'crypto.x509.parse_and_verify_certificates_with_options',
  'crypto.x509.parse_certificate_request',
  'crypto.x509.parse_certificates',
  'crypto.x509.parse_keypair',
  'crypto.x509.parse_rsa_private_key',
  'graphql.is_valid',
  'graphql.parse',
  'graphql.parse_and_verify',
  'graphql.parse_query',
  'graphql.parse_schema',
  'graphql.schema_is_valid',
  'providers.aws.sign_req',
  'strings.render_template',
];
