import { ElfgateError } from '../errors.ts';
import { limits } from '../limits.ts';
import { elementsOf, type Fields, fieldsOf, flagOf, textOf, textsOf } from './fields.ts';

/** What a pod says about the native code that it runs. Absent fields are null: what Kubernetes makes of them depends. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Names of secrets of the pod's namespace. */
  readonly imagePullSecrets: readonly string[];
  readonly serviceAccount: string | null;
  /** Whether the pod shares the node's user namespace; null is true (Kubernetes API, PodSpec.hostUsers). */
  readonly hostUsers: boolean | null;
  readonly profiles: Profiles;
}

export interface Container {
  /** Path below the pod's specification: `initContainers[0]`. */
  readonly at: string;
  readonly kind: 'init' | 'main' | 'ephemeral';
  readonly name: string;
  /** As written, which may be no reference at all; empty where there is none. */
  readonly image: string;
  readonly start: ContainerStart;
  readonly mounts: readonly Mount[];
  readonly allowPrivilegeEscalation: boolean | null;
  readonly privileged: boolean | null;
  readonly capabilities: readonly string[];
  readonly readOnlyRoot: boolean | null;
  readonly profiles: Profiles;
}

/** What a container says about how its process is started, over what its image says. */
export interface ContainerStart {
  /** Empty where the entrypoint of the image counts. */
  readonly command: readonly string[];
  readonly arguments: readonly string[];
  /** Values are null where they come from elsewhere: a secret, a field of the pod. */
  readonly environment: readonly { readonly name: string; readonly value: string | null }[];
}

/** Kinds of profiles that confine a container; null where the pod names none. */
export interface Profiles {
  /** `RuntimeDefault`, `Localhost` or `Unconfined`. */
  readonly seccomp: string | null;
  readonly appArmor: string | null;
  /** SELinux type, or another of its options that is set. */
  readonly seLinux: string | null;
}

export interface Mount {
  readonly volume: string;
  readonly path: string;
  readonly readOnly: boolean;
  readonly subPath: string | null;
}

export interface Volume {
  /** Path below the pod's specification: `volumes[2]`. */
  readonly at: string;
  readonly name: string;
  /** The field that says what it is: `image`, `emptyDir`, `hostPath`, `configMap`; null for an empty one. */
  readonly kind: string | null;
  /** Reference of an image volume. */
  readonly image: string | null;
  readonly hostPath: string | null;
}

/** The fields of a pod's specification that hold containers, in the order in which they start. */
const containerFields = [
  ['initContainers', 'init'],
  ['containers', 'main'],
  ['ephemeralContainers', 'ephemeral'],
] as const;

/** @throws ElfgateError `limit` for more containers or volumes than are looked at. */
export function podSpecOf(spec: unknown): PodSpec {
  const fields = fieldsOf(spec);
  const containers = containerFields.flatMap(([field, kind]) =>
    elementsOf(fields[field]).map((container, index) => containerOf(container, `${field}[${index}]`, kind)),
  );
  const volumes = elementsOf(fields.volumes);
  if (containers.length > limits.podContainers || volumes.length > limits.podContainers) {
    throw new ElfgateError(
      'limit',
      `the pod has ${containers.length} containers and ${volumes.length} volumes, above the limit of ${limits.podContainers} each`,
      { hint: 'split it into several pods' },
    );
  }
  return {
    containers,
    volumes: volumes.map((volume, index) => volumeOf(volume, `volumes[${index}]`)),
    nodeSelector: textsOf(fields.nodeSelector),
    imagePullSecrets: elementsOf(fields.imagePullSecrets).flatMap((secret) => textOf(fieldsOf(secret).name) ?? []),
    serviceAccount: textOf(fields.serviceAccountName),
    hostUsers: flagOf(fields.hostUsers),
    profiles: profilesOf(fieldsOf(fields.securityContext)),
  };
}

function containerOf(container: unknown, at: string, kind: Container['kind']): Container {
  const fields = fieldsOf(container);
  const security = fieldsOf(fields.securityContext);
  return {
    at,
    kind,
    name: textOf(fields.name) ?? '',
    image: textOf(fields.image) ?? '',
    start: {
      command: elementsOf(fields.command).flatMap((word) => textOf(word) ?? []),
      arguments: elementsOf(fields.args).flatMap((word) => textOf(word) ?? []),
      environment: elementsOf(fields.env).map((variable) => {
        const { name, value } = fieldsOf(variable);
        return { name: textOf(name) ?? '', value: textOf(value) };
      }),
    },
    mounts: elementsOf(fields.volumeMounts).map((mount) => {
      const { name, mountPath, readOnly, subPath, subPathExpr } = fieldsOf(mount);
      return {
        volume: textOf(name) ?? '',
        path: textOf(mountPath) ?? '',
        readOnly: readOnly === true,
        // One with variables names no path that anything is at.
        subPath: textOf(subPath) ?? textOf(subPathExpr),
      };
    }),
    allowPrivilegeEscalation: flagOf(security.allowPrivilegeEscalation),
    privileged: flagOf(security.privileged),
    capabilities: elementsOf(fieldsOf(security.capabilities).add).flatMap((name) => textOf(name) ?? []),
    readOnlyRoot: flagOf(security.readOnlyRootFilesystem),
    profiles: profilesOf(security),
  };
}

function profilesOf(security: Fields): Profiles {
  const { type, level, role, user } = fieldsOf(security.seLinuxOptions);
  return {
    seccomp: textOf(fieldsOf(security.seccompProfile).type),
    appArmor: textOf(fieldsOf(security.appArmorProfile).type),
    seLinux: textOf(type) ?? textOf(level) ?? textOf(role) ?? textOf(user),
  };
}

function volumeOf(volume: unknown, at: string): Volume {
  const fields = fieldsOf(volume);
  const kind = Object.keys(fields).find((key) => key !== 'name' && fields[key] !== null) ?? null;
  return {
    at,
    name: textOf(fields.name) ?? '',
    kind,
    image: textOf(fieldsOf(fields.image).reference),
    hostPath: textOf(fieldsOf(fields.hostPath).path),
  };
}
