/** The parts of a Kubernetes cluster that the admission webhook meets, and the programs of people who use one. */

import { command, output, type Recipe } from '../recipe.ts';
import { defaultToolchain, goBuild } from './go-build.ts';

function program(output: string, sources: string, path: string): Recipe {
  return goBuild({ output, sources, package: path, size: 'large' });
}

export const clusters = {
  'cluster/etcd': program('etcd', 'etcd', 'go.etcd.io/etcd/server/v3'),
  'cluster/kube-apiserver': program('kube-apiserver', 'kubernetes', 'k8s.io/kubernetes/cmd/kube-apiserver'),
  'cluster/kubectl': program('kubectl', 'kubernetes', 'k8s.io/kubernetes/cmd/kubectl'),
  'cluster/gatekeeper': program('gatekeeper', 'gatekeeper', 'github.com/open-policy-agent/gatekeeper/v3'),
  'cluster/helm': program('helm', 'helm', 'helm.sh/helm/v3/cmd/helm'),
  /** Definitions of the custom resources that the chart makes, by the projects that define them. */
  'cluster/custom-resources': {
    output: 'custom-resources.yaml',
    sources: 'custom-resources',
    steps: [{ ...command('go', ['run', '.', output]), goToolchain: defaultToolchain }],
  },
} satisfies Record<string, Recipe>;
