/** Predicates as the tools write them, as far as anything reads them. */

import { canaryMeasurementType, fipsReportType, serviceLevelType } from '../../src/trust/predicates/own-predicates.ts';
import type { Claim } from './signed-layout.ts';

const generator = 'https://github.com/slsa-framework/slsa-github-generator/.github/workflows';

function provenanceBy(id: string): Claim {
  return {
    type: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1',
        resolvedDependencies: [
          { uri: 'git+https://github.com/example/plugin@refs/heads/main', digest: { gitCommit: 'd'.repeat(40) } },
        ],
      },
      runDetails: { builder: { id } },
    },
  };
}

function scanOf(...vulnerabilities: readonly (readonly [id: string, severity: string])[]): Claim {
  return {
    type: 'https://cosign.sigstore.dev/attestation/vuln/v1',
    predicate: {
      invocation: {},
      scanner: {
        uri: 'pkg:github/aquasecurity/trivy@0.57.1',
        result: {
          Results: [
            {
              Target: 'app',
              Vulnerabilities: vulnerabilities.map(([VulnerabilityID, Severity]) => ({
                VulnerabilityID,
                PkgName: 'zlib',
                InstalledVersion: '1.2.11',
                Severity,
              })),
            },
          ],
        },
      },
      metadata: { scanStartedOn: '2026-05-30T10:00:00Z', scanFinishedOn: '2026-05-30T10:01:00Z' },
    },
  };
}

function serviceLevel(from: string, to: string, latencyP99Milliseconds: number): Claim {
  return {
    type: serviceLevelType,
    predicate: {
      environment: 'production-eu',
      from,
      to,
      latencyP99Milliseconds,
      errorRate: 0.0002,
      resourceSpikes: 0,
    },
  };
}

export const claims = {
  provenance: provenanceBy(`${generator}/builder_go_slsa3.yml@refs/tags/v2.0.0`),
  provenanceOfOtherBuilder: provenanceBy('https://ci.example.com/runner'),
  provenanceBefore1: {
    type: 'https://slsa.dev/provenance/v0.2',
    predicate: {
      builder: { id: `${generator}/generator_generic_slsa3.yml@refs/tags/v1.10.0` },
      buildType: 'https://github.com/slsa-framework/slsa-github-generator/generic@v1',
      invocation: {
        configSource: {
          uri: 'git+https://github.com/example/plugin@refs/tags/v1.2.0',
          digest: { sha1: 'e'.repeat(40) },
          entryPoint: '.github/workflows/release.yml',
        },
      },
      materials: [{ uri: 'git+https://github.com/example/plugin@refs/tags/v1.2.0', digest: { sha1: 'e'.repeat(40) } }],
    },
  },
  cleanScan: scanOf(['CVE-2025-0003', 'MEDIUM']),
  scan: scanOf(['CVE-2025-0001', 'CRITICAL'], ['CVE-2025-0002', 'HIGH'], ['CVE-2025-0003', 'MEDIUM']),
  grypeReport: {
    type: 'https://example.com/grype-report',
    predicate: {
      matches: [
        {
          vulnerability: { id: 'CVE-2025-0001', severity: 'Critical' },
          artifact: { name: 'zlib', version: '1.2.11' },
        },
      ],
    },
  },
  sarifReport: {
    type: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html',
    predicate: {
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: {
              name: 'Grype',
              rules: [{ id: 'CVE-2025-0002-zlib', properties: { 'security-severity': '7.5' } }],
            },
          },
          results: [{ ruleId: 'CVE-2025-0002-zlib', message: { text: 'zlib' } }],
        },
      ],
    },
  },
  inTotoScan: {
    type: 'https://in-toto.io/attestation/vulns/v0.2',
    predicate: {
      scanner: {
        uri: 'pkg:github/aquasecurity/trivy@0.57.1',
        result: [{ id: 'CVE-2025-0001', severity: [{ method: 'nvd', score: '9.8' }] }],
      },
      metadata: { scanStartedOn: '2026-05-30T10:00:00Z', scanFinishedOn: '2026-05-30T10:01:00Z' },
    },
  },
  openVex: {
    type: 'https://openvex.dev/ns/v0.2.0',
    predicate: {
      '@context': 'https://openvex.dev/ns/v0.2.0',
      author: 'release@example.com',
      statements: [
        {
          vulnerability: { name: 'CVE-2025-0001' },
          status: 'not_affected',
          justification: 'vulnerable_code_not_in_execute_path',
        },
        { vulnerability: { name: 'CVE-2025-0002' }, status: 'fixed' },
      ],
    },
  },
  openVexWithoutReason: {
    type: 'https://openvex.dev/ns',
    predicate: {
      statements: [{ vulnerability: { name: 'CVE-2025-0001' }, status: 'not_affected' }],
    },
  },
  cycloneDxVex: {
    type: 'https://cyclonedx.org/vex',
    predicate: {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      vulnerabilities: [
        { id: 'CVE-2025-0001', analysis: { state: 'false_positive', justification: 'code_not_reachable' } },
        { id: 'CVE-2025-0002', analysis: { state: 'resolved' } },
      ],
    },
  },
  cycloneDx: {
    type: 'https://cyclonedx.org/bom',
    predicate: { bomFormat: 'CycloneDX', specVersion: '1.6', components: [{ type: 'library', name: 'zlib' }] },
  },
  spdx: {
    type: 'https://spdx.dev/Document',
    predicate: { spdxVersion: 'SPDX-2.3', packages: [{ name: 'zlib' }, { name: 'app' }] },
  },
  fipsReport: {
    type: fipsReportType,
    predicate: {
      module: 'Go Cryptographic Module',
      certificate: '5247',
      standard: 'FIPS 140-3',
      level: 1,
      validUntil: '2031-04-30',
      auditor: 'Example Laboratory',
    },
  },
  lapsedFipsReport: {
    type: fipsReportType,
    predicate: {
      module: 'BoringCrypto',
      certificate: '4407',
      standard: 'FIPS 140-2',
      level: 1,
      validUntil: '2026-05-31',
      auditor: 'Example Laboratory',
    },
  },
  serviceLevels: [
    serviceLevel('2026-05-01T00:00:00Z', '2026-05-08T00:00:00Z', 120),
    serviceLevel('2026-05-08T00:00:00Z', '2026-05-15T00:00:00Z', 131),
    serviceLevel('2026-05-15T00:00:00Z', '2026-05-22T00:00:00Z', 117),
  ],
  slowServiceLevel: serviceLevel('2026-05-15T00:00:00Z', '2026-05-22T00:00:00Z', 4_100),
  canary: {
    type: canaryMeasurementType,
    predicate: {
      environment: 'production-eu',
      baseline: `sha256:${'f'.repeat(64)}`,
      from: '2026-05-20T00:00:00Z',
      to: '2026-05-20T06:00:00Z',
      trafficPercent: 5,
      requests: 812_000,
      successRate: 0.9991,
      baselineSuccessRate: 0.9992,
      memoryGrowthBytesPerHour: 4_096,
    },
  },
} satisfies Record<string, Claim | readonly Claim[]>;
