import type { FactsDocument } from '../../src/facts/schema.ts';
import type { ArtifactName } from '../lab/lab.ts';
import { claims } from '../trust/claims.ts';
import type { Claim, SignedLayoutOptions } from '../trust/signed-layout.ts';

/** Real binaries that a rule judges, and how it is configured. */
export interface RuleCase {
  /** Checked together, as the targets of one command line. */
  readonly targets: readonly CaseTarget[];
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** An object of a cluster that is judged instead, with the targets as what is in its images. */
  readonly workload?: CaseWorkload;
  /** Facts of what is made for the case, where it is not about binaries of the lab. */
  readonly made?: () => Promise<readonly FactsDocument[]>;
}

/** Files below `manifests/`. */
export interface CaseWorkload {
  readonly manifest: string;
  /** What it was before, where it is changed. */
  readonly before?: string;
  /** What is in an image, by its reference. */
  readonly images: Readonly<Record<string, ArtifactName>>;
}

export interface CaseTarget {
  readonly artifact: ArtifactName;
  readonly role?: 'host' | 'plugin';
}

/** The cases that every rule has: one that it is about, one that is right, one where it cannot tell. */
export interface RuleCases {
  readonly violating: RuleCase;
  readonly passing: RuleCase;
  /** Absent where the fact can be read from every binary that the rule is about. */
  readonly unknown?: RuleCase;
}

const files = (...artifacts: ArtifactName[]): RuleCase => ({ targets: artifacts.map((artifact) => ({ artifact })) });
const pair = (host: ArtifactName, plugin: ArtifactName): RuleCase => ({
  targets: [
    { artifact: host, role: 'host' },
    { artifact: plugin, role: 'plugin' },
  ],
});
const sequence = (host: ArtifactName, ...plugins: ArtifactName[]): RuleCase => ({
  targets: [{ artifact: host, role: 'host' }, ...plugins.map((artifact) => ({ artifact, role: 'plugin' }) as const)],
});
const plugin = (artifact: ArtifactName): RuleCase => ({ targets: [{ artifact, role: 'plugin' }] });
const pluginAlone = plugin('go/plugin');
const workload = (manifest: string, further: Partial<CaseWorkload> = {}): RuleCase => ({
  targets: [],
  workload: { manifest, images: {}, ...further },
});
const gatewayImages = {
  images: { 'registry.example.com/gateway:1': 'go/host', 'registry.example.com/audit:1': 'go/plugin' },
} as const;
const signed = (options: SignedLayoutOptions): RuleCase => ({
  targets: [],
  made: async () => [await (await import('../trust/signed-layout.ts')).trustDocument(options)],
});
/** A rule about one claim: who attests nothing violates it, whoever is trusted follows it, and nobody knows of what is lost. */
const claimed = (...claims: readonly Claim[]): RuleCases => ({
  violating: signed({ signer: 'unsigned' }),
  passing: signed({ signer: 'right', claims }),
  unknown: signed({ signer: 'right', claims, attached: 'nowhere' }),
});

/** An image that is only named: nothing of it but its reference matters. */
async function imageReference(reference: string): Promise<FactsDocument> {
  const { trustDocument } = await import('../trust/signed-layout.ts');
  const document = await trustDocument({ signer: 'right' });
  const trust = document.trust === null ? null : { ...document.trust, pinned: reference.includes('@') };
  return { ...document, subject: { ...document.subject, name: reference }, trust };
}

/** A file next to a SHA256SUMS that lists its digest, or another one. */
async function listedFile(digest: 'same' | 'other'): Promise<readonly FactsDocument[]> {
  const { listedFileDocument } = await import('../trust/signed-layout.ts');
  return [await listedFileDocument(digest)];
}

/** By rule. The recorded facts of the Rego tests are made from the same binaries. */
export const ruleCases: Readonly<Record<string, RuleCases>> = {
  'plugin/go-version-match': {
    violating: pair('go/host', 'go/plugin@1.25'),
    passing: pair('go/host', 'go/plugin'),
    unknown: pluginAlone,
  },
  'plugin/build-settings-match': {
    violating: pair('go/host', 'go/plugin-trimpath'),
    passing: pair('go/host', 'go/plugin'),
    unknown: pair('go/host@1.19', 'go/plugin@1.19'),
  },
  'plugin/host-can-load': {
    violating: pair('go/host-without-cgo', 'go/plugin'),
    passing: pair('go/host', 'go/plugin'),
  },
  'plugin/package-hash-match': {
    violating: pair('go/host', 'go/plugin-dependency-1.1.0'),
    passing: pair('go/host', 'go/plugin'),
    unknown: pluginAlone,
  },
  'plugin/loads': {
    violating: files('root/deliveries'),
    passing: pair('go/host', 'go/plugin'),
    unknown: pair('go/host', 'go/plugin-missing-library'),
  },
  'plugin/load-order': {
    violating: sequence('go/host', 'go/plugin-auditor', 'go/plugin-billing-other-ledger'),
    passing: sequence('go/host', 'go/plugin-auditor', 'go/plugin-billing'),
    unknown: sequence('go/host', 'go/plugin-missing-library', 'go/plugin'),
  },
  'plugin/exports': {
    violating: { ...plugin('go/plugin-without-greet'), parameters: { symbols: ['Greet', 'Version'] } },
    passing: { ...plugin('go/plugin'), parameters: { symbols: ['Greet', 'Version'] } },
    unknown: { ...plugin('c/my-api'), parameters: { symbols: ['Greet'] } },
  },
  'plugin/debug-info': { violating: plugin('go/plugin-ldflags-s-w'), passing: plugin('go/plugin') },
  'linkage/arch-match': {
    violating: pair('cross/hello-arm64', 'go/plugin'),
    passing: pair('go/host', 'go/plugin'),
  },
  'linkage/interpreter': {
    violating: files('root/scratch-with-dynamic-program'),
    passing: files('root/debian-like'),
    unknown: files('c/hello'),
  },
  'linkage/search-path': {
    violating: files('c/runpath-world-writable'),
    passing: files('c/search-path-none'),
    unknown: files('c/runpath-origin'),
  },
  'linkage/hardening': {
    violating: files('c/hardening-none'),
    passing: files('c/hardening-full'),
    unknown: files('c/hello-static-stripped'),
  },
  'linkage/needed-resolves': {
    violating: files('root/without-needed-library'),
    passing: files('root/with-needed-library'),
    unknown: files('c/hello'),
  },
  'linkage/symbols-resolve': {
    violating: files('root/with-other-library'),
    passing: files('root/with-needed-library'),
    unknown: files('root/without-needed-library'),
  },
  'linkage/symbol-versions': {
    violating: files('root/with-future-version'),
    passing: files('root/debian-like'),
    unknown: files('root/with-cut-library'),
  },
  'linkage/cycles': {
    violating: files('c/needed-cycle', 'c/dlopen-cycle'),
    passing: files('root/debian-like'),
  },
  'linkage/rtld-global': {
    violating: files('c/provider', 'c/needy'),
    passing: files('c/provider', 'c/needy-linked'),
    unknown: files('c/needy'),
  },
  'visibility/hidden-by-default': {
    violating: files('c/my-api'),
    passing: files('c/my-api-hidden'),
    unknown: files('c/my-api-stripped'),
  },
  'visibility/no-leaked-dependency': { violating: files('c/leaks-zlib'), passing: files('c/hides-zlib') },
  'visibility/no-interposition': {
    violating: {
      targets: [
        { artifact: 'go/host', role: 'host' },
        { artifact: 'go/plugin-hello-first', role: 'plugin' },
        { artifact: 'go/plugin-hello-second', role: 'plugin' },
        { artifact: 'c/other-provider' },
        { artifact: 'c/provider' },
        { artifact: 'c/needy-linked' },
      ],
    },
    passing: {
      targets: [
        { artifact: 'go/host', role: 'host' },
        { artifact: 'go/plugin', role: 'plugin' },
        { artifact: 'go/plugin-hello-first', role: 'plugin' },
      ],
    },
  },
  'visibility/linkname-hidden': {
    violating: files('go/plugin-hidden-c-symbol', 'c/my-api-hidden'),
    passing: files('go/plugin-hidden-c-symbol', 'c/my-api'),
    unknown: files('go/plugin-hidden-c-symbol', 'c/my-api-hidden-stripped'),
  },
  'visibility/symbolic': { violating: files('c/own-symbols-bsymbolic'), passing: files('c/own-symbols') },
  'visibility/unique': { violating: files('c/unique'), passing: files('c/not-unique') },
  'tracing/second-go-runtime': {
    violating: files('go/second-runtime', 'go/c-shared'),
    passing: pair('go/host', 'go/plugin'),
    unknown: files('go/c-shared'),
  },
  'libc/static-nss': {
    violating: files('root/nss-module-with-tls'),
    passing: files('c/hello-static'),
    unknown: files('c/hello-musl-static-stripped'),
  },
  'libc/mixed': {
    violating: files('root/musl-with-glibc-library'),
    passing: files('root/musl-like'),
    unknown: files('root/with-cut-library'),
  },
  'tracing/preload-on-static': {
    violating: files('image/preload-static'),
    passing: files('image/preload-dynamic'),
    unknown: files('image/preload-script'),
  },
  'libc/vsyscall': { violating: files('c/vsyscall'), passing: files('c/vsyscall-none') },
  'libc/minimum': {
    violating: { ...files('c/glibc-new'), parameters: { glibc: '2.31' } },
    passing: { ...files('c/glibc-old'), parameters: { glibc: '2.31' } },
    unknown: files('c/glibc-new'),
  },
  'workload/no-privilege-escalation': {
    violating: workload('gateway-open.yaml'),
    passing: workload('gateway-confined.yaml'),
  },
  'workload/plugin-directory': {
    violating: workload('gateway-open.yaml', gatewayImages),
    passing: workload('gateway-confined.yaml', gatewayImages),
    unknown: workload('gateway-uninspected.yaml'),
  },
  'workload/user-namespace': {
    violating: workload('gateway-open.yaml', gatewayImages),
    passing: workload('gateway-confined.yaml', gatewayImages),
    unknown: workload('gateway-uninspected.yaml'),
  },
  'delivery/canary-steps': {
    violating: workload('route-50-percent.yaml', { before: 'route-5-percent.yaml' }),
    passing: workload('route-20-percent.yaml', { before: 'route-5-percent.yaml' }),
    unknown: workload('http-route.yaml'),
  },
  'delivery/source': {
    violating: workload('helm-release-range.yaml'),
    passing: workload('helm-release-pinned.yaml'),
    unknown: workload('helm-release-by-reference.yaml'),
  },
  'trust/signed': claimed(),
  'trust/provenance': {
    ...claimed(claims.provenance),
    violating: signed({ signer: 'right', claims: [claims.provenanceOfOtherBuilder] }),
  },
  'trust/vulnerabilities': {
    ...claimed(claims.cleanScan),
    violating: signed({ signer: 'right', claims: [claims.scan] }),
  },
  'trust/fips': claimed(claims.fipsReport),
  'trust/service-levels': claimed(...claims.serviceLevels),
  'trust/facts-attested': {
    violating: signed({ signer: 'right' }),
    passing: signed({ signer: 'right', attestsFacts: true }),
    unknown: signed({ signer: 'right', attached: 'nowhere' }),
  },
  'trust/digest-pinned': {
    violating: { targets: [], made: async () => [await imageReference('registry.example.com/team/plugin:1.2')] },
    passing: {
      targets: [],
      made: async () => [await imageReference(`registry.example.com/team/plugin:1.2@sha256:${'a'.repeat(64)}`)],
    },
  },
  'trust/sha256-match': {
    violating: { targets: [], made: () => listedFile('other') },
    passing: { targets: [], made: () => listedFile('same') },
    unknown: { ...files('root/debian-like'), parameters: { digests: { 'plugins/audit.so': 'a'.repeat(64) } } },
  },
};
