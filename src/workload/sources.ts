import { elementsOf, fieldsOf, textOf, valueAt } from './fields.ts';
import { kindOf } from './pod-templates.ts';

/** Where a controller fetches what it installs. */
export interface DeliverySource {
  /** Path in the object: `spec.source`. */
  readonly at: string;
  readonly kind: 'chart' | 'git' | 'oci';
  readonly reference: string;
  /** Version, tag, digest, branch or commit; null where none is given, which means the newest. */
  readonly revision: string | null;
  /** Whether it names the same content for ever; null when another object says. */
  readonly pinned: boolean | null;
  /** Whether the controller verifies a signature; null when that is said elsewhere. */
  readonly verified: boolean | null;
}

/** The sources of a Flux HelmRelease or OCIRepository, an Argo CD Application, or a ConfigMap with a list of plugins. */
export function deliverySourcesOf(object: unknown): readonly DeliverySource[] {
  switch (kindOf(object)) {
    case 'HelmRelease.helm.toolkit.fluxcd.io':
      return helmReleaseSources(object);
    case 'OCIRepository.source.toolkit.fluxcd.io':
      return ociRepositorySources(object);
    case 'Application.argoproj.io':
      return applicationSources(object);
    case 'ConfigMap':
      return pluginListSources(object);
    default:
      return [];
  }
}

function helmReleaseSources(object: unknown): readonly DeliverySource[] {
  const chartRef = fieldsOf(valueAt(object, 'spec.chartRef'));
  if (textOf(chartRef.name) !== null) {
    // The OCIRepository or HelmChart that it names is judged when it is applied itself.
    const reference = `${textOf(chartRef.kind) ?? ''}/${textOf(chartRef.name) ?? ''}`;
    return [{ at: 'spec.chartRef', kind: 'chart', reference, revision: null, pinned: null, verified: null }];
  }
  const chart = fieldsOf(valueAt(object, 'spec.chart.spec'));
  const reference = textOf(chart.chart);
  return reference === null
    ? []
    : [
        {
          at: 'spec.chart.spec',
          kind: 'chart',
          reference,
          revision: textOf(chart.version),
          pinned: isExactVersion(textOf(chart.version)),
          verified: textOf(fieldsOf(chart.verify).provider) !== null,
        },
      ];
}

function ociRepositorySources(object: unknown): readonly DeliverySource[] {
  const spec = fieldsOf(valueAt(object, 'spec'));
  const { digest, tag, semver } = fieldsOf(spec.ref);
  return [
    {
      at: 'spec.ref',
      kind: 'oci',
      reference: textOf(spec.url) ?? '',
      revision: textOf(digest) ?? textOf(tag) ?? textOf(semver),
      pinned: textOf(digest) !== null,
      verified: textOf(fieldsOf(spec.verify).provider) !== null,
    },
  ];
}

function applicationSources(object: unknown): readonly DeliverySource[] {
  const single = valueAt(object, 'spec.source');
  const several = elementsOf(valueAt(object, 'spec.sources'));
  const sources =
    several.length > 0
      ? several.map((source, index) => ({ source, at: `spec.sources[${index}]` }))
      : single === undefined
        ? []
        : [{ source: single, at: 'spec.source' }];
  return sources.map(({ source, at }) => {
    const { repoURL, chart, targetRevision } = fieldsOf(source);
    const revision = textOf(targetRevision);
    const name = textOf(chart);
    return {
      at,
      kind: name === null ? 'git' : 'chart',
      reference: [textOf(repoURL), name].filter((part) => part !== null).join('/'),
      revision,
      pinned: name === null ? isCommit(revision) : isExactVersion(revision),
      // Argo CD verifies by the keys of the AppProject.
      verified: null,
    };
  });
}

/** `oci://…` texts of a ConfigMap's plugins.yaml, wherever they stand in it. */
function pluginListSources(object: unknown): readonly DeliverySource[] {
  const text = textOf(fieldsOf(valueAt(object, 'data'))['plugins.yaml']);
  return [...(text ?? '').matchAll(/\boci:\/\/([^\s"',\]}]+)/g)].map(([, reference = '']) => {
    const digest = /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1] ?? null;
    return {
      at: 'data[plugins.yaml]',
      kind: 'oci',
      reference,
      revision: digest ?? /:([^:/]+)$/.exec(reference)?.[1] ?? null,
      pinned: digest !== null,
      verified: null,
    };
  });
}

/** A whole version without ranges (semver 2.0.0); registries and repositories of charts do not change those. */
function isExactVersion(revision: string | null): boolean {
  return revision !== null && /^v?\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/.test(revision);
}

/** SHA-1 or SHA-256 of a git commit in full: shorter ones and names move. */
function isCommit(revision: string | null): boolean {
  return revision !== null && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(revision);
}
