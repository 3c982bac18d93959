import type { XStatic } from 'typebox/schema';
import { type Enforcement, enforcements } from '../rule-metadata.ts';
import { matchesPattern } from './exceptions.ts';

const text = { type: 'string', minLength: 1 } as const;
const texts = { type: 'array', items: text } as const;
const failure = {
  enum: ['closed', 'open'],
  description: 'What happens to a workload that cannot be judged: closed denies it, open admits it with a warning.',
} as const;

/** `admission` of elfgate.yaml. */
export const admissionSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'How the admission webhook decides.',
  properties: {
    failure,
    pinDigests: { type: 'boolean', description: 'Replace tags by the digests that they name. On unless switched off.' },
    exemptNamespaces: { ...texts, description: 'Namespaces that are not judged; * stands for anything.' },
    namespaces: {
      type: 'array',
      description: 'Other decisions for some namespaces. The first that matches holds.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['match'],
        properties: {
          match: { ...texts, description: 'Names of namespaces; * stands for anything.' },
          failure,
          rules: {
            type: 'object',
            additionalProperties: {
              type: 'object',
              additionalProperties: false,
              required: ['enforce'],
              properties: { enforce: { enum: enforcements as readonly ['deny', 'warn', 'dry-run', 'off'] } },
            },
          },
        },
      },
    },
    workloads: {
      type: 'array',
      description: 'Kinds of operators that make pods.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['kind', 'templates'],
        properties: {
          kind: { ...text, description: 'As Rollout.argoproj.io.' },
          templates: { ...texts, description: 'Where their pod templates are, as spec.template.' },
        },
      },
    },
    nodes: {
      type: 'array',
      description:
        'What the nodes are that pods may be scheduled on; those that a node selector rules out do not count.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['labels'],
        properties: {
          labels: { type: 'object', additionalProperties: { type: 'string' } },
          architectures: { ...texts, description: 'As amd64, arm64.' },
          vsyscall: { enum: ['none', 'emulate', 'xonly'], description: 'How the kernel was booted.' },
          glibc: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)+$', description: 'The oldest release on them.' },
        },
      },
    },
  },
} as const;

type AdmissionDocument = XStatic<typeof admissionSchema>;

export type FailureMode = 'closed' | 'open';

/** How the webhook decides, with nothing left open. */
export interface AdmissionSettings {
  readonly failure: FailureMode;
  readonly pinDigests: boolean;
  readonly exemptNamespaces: readonly string[];
  readonly namespaces: readonly NamespaceSettings[];
  /** Paths of pod templates by kind. */
  readonly templatePaths: Readonly<Record<string, readonly string[]>>;
  readonly nodes: readonly NodeProfile[];
}

interface NamespaceSettings {
  readonly match: readonly string[];
  readonly failure: FailureMode | null;
  readonly rules: ReadonlyMap<string, Enforcement>;
}

/** What is known about the nodes that bear these labels. */
export interface NodeProfile {
  readonly labels: Readonly<Record<string, string>>;
  /** GOARCH names; empty where it is not said. */
  readonly architectures: readonly string[];
  readonly vsyscall: 'none' | 'emulate' | 'xonly' | null;
  readonly glibc: string | null;
}

/** Where elfgate.yaml says nothing: no system workload is kept from starting, and nothing passes unseen elsewhere. */
export const defaultAdmission: AdmissionSettings = {
  failure: 'closed',
  pinDigests: true,
  exemptNamespaces: ['kube-system', 'kube-public', 'kube-node-lease', 'elfgate-system'],
  namespaces: [],
  templatePaths: {},
  nodes: [],
};

export function admissionSettings(document: AdmissionDocument = {}): AdmissionSettings {
  return {
    failure: document.failure ?? defaultAdmission.failure,
    pinDigests: document.pinDigests ?? defaultAdmission.pinDigests,
    exemptNamespaces: document.exemptNamespaces ?? defaultAdmission.exemptNamespaces,
    namespaces: (document.namespaces ?? []).map(({ match, failure, rules }) => ({
      match,
      failure: failure ?? null,
      rules: new Map(Object.entries(rules ?? {}).map(([id, { enforce }]) => [id, enforce])),
    })),
    templatePaths: Object.fromEntries((document.workloads ?? []).map(({ kind, templates }) => [kind, templates])),
    nodes: (document.nodes ?? []).map(({ labels, architectures, vsyscall, glibc }) => ({
      labels,
      architectures: architectures ?? [],
      vsyscall: vsyscall ?? null,
      glibc: glibc ?? null,
    })),
  };
}

/** Whether objects of a namespace are not judged at all. Objects without a namespace always are. */
export function isExempt(namespace: string | null, { exemptNamespaces }: AdmissionSettings): boolean {
  return namespace !== null && exemptNamespaces.some((pattern) => matchesPattern(pattern, namespace));
}

/** What holds in a namespace: how failures are taken, and enforcement of rules where it differs. */
export function settingsFor(
  namespace: string | null,
  { failure, namespaces }: AdmissionSettings,
): { readonly failure: FailureMode; readonly rules: ReadonlyMap<string, Enforcement> } {
  const found =
    namespace === null
      ? undefined
      : namespaces.find(({ match }) => match.some((pattern) => matchesPattern(pattern, namespace)));
  return { failure: found?.failure ?? failure, rules: found?.rules ?? new Map() };
}
