/** By design: `opa/modules.go` refuses them where they are called. */
export const refusedBuiltIns: Readonly<Record<string, string>> = {
  'http.send': 'a policy judges the facts that it is given and reaches for nothing else',
  'net.lookup_ip_addr': 'a policy judges the facts that it is given and reaches for nothing else',
  'opa.runtime': 'it would show the environment of whoever judges',
  'rego.parse_module': 'it needs the whole compiler where policies run',
};
