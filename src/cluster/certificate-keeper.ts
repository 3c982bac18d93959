import type { AdmissionregistrationV1Api, CoreV1Api, V1Secret } from '@kubernetes/client-node';
import { ElfgateError } from '../errors.ts';
import { clusterError, statusOf } from './connection.ts';
import {
  type CertificateSet,
  dueRenewal,
  isSound,
  type Lifetimes,
  newCertificateSet,
  withNewAuthority,
  withNewCertificate,
  withoutExpired,
} from './self-signed.ts';

export interface CertificateKeeperOptions {
  readonly core: Pick<CoreV1Api, 'readNamespacedSecret' | 'createNamespacedSecret' | 'replaceNamespacedSecret'>;
  readonly registration: Pick<
    AdmissionregistrationV1Api,
    | 'readValidatingWebhookConfiguration'
    | 'patchValidatingWebhookConfiguration'
    | 'readMutatingWebhookConfiguration'
    | 'patchMutatingWebhookConfiguration'
  >;
  /** The Secret that all replicas share. */
  readonly secret: { readonly namespace: string; readonly name: string };
  /** Of the webhook configurations of both kinds. */
  readonly configuration: string;
  /** Host names and addresses that the API server asks for. */
  readonly names: readonly string[];
  readonly lifetimes: Lifetimes;
  readonly now: () => Date;
}

/** Keeps certificate and trust of the webhook in order without anybody else. */
export interface CertificateKeeper {
  /**
   * Looks at the Secret and the webhook configurations, does what is due, and gives what is to be served now.
   *
   * Any number of replicas may do so at the same time: whoever comes second takes what the first has written. A certificate
   * of a new authority is made only after the API server was seen to trust it.
   *
   * @throws ElfgateError `unreachable`
   */
  look(): Promise<CertificateSet>;
}

/** Writers that lose to another one look again; each time somebody else has got further. */
const mostTries = 10;

export function certificateKeeper(options: CertificateKeeperOptions): CertificateKeeper {
  const { names, lifetimes, now } = options;
  return {
    async look() {
      for (let tries = 0; tries < mostTries; tries++) {
        const secret = await readSecret(options);
        const stored = secret === null ? null : storedSet(secret);
        if (stored === null) {
          await writeSecret(options, secret, await newCertificateSet(names, lifetimes, now()));
          continue;
        }
        const wasTrusted = await trustAuthorities(options, stored.authorities);
        const due = dueRenewal(stored, names, now());
        const kept = withoutExpired(stored, now());
        if (due === 'authority') {
          await writeSecret(options, secret, await withNewAuthority(kept, lifetimes, now()));
          continue;
        }
        // The API server learns of authorities by a watch: between two looks there is time for that.
        if (due === 'certificate' && wasTrusted) {
          await writeSecret(options, secret, await withNewCertificate(kept, names, lifetimes, now()));
          continue;
        }
        return stored;
      }
      throw new ElfgateError(
        'unreachable',
        `the secret ${options.secret.namespace}/${options.secret.name} changes all the time`,
      );
    },
  };
}

async function readSecret({ core, secret }: CertificateKeeperOptions): Promise<V1Secret | null> {
  try {
    return await core.readNamespacedSecret(secret);
  } catch (error) {
    if (statusOf(error) === 404) {
      return null;
    }
    throw clusterError(`the secret ${secret.namespace}/${secret.name} cannot be read`, error);
  }
}

/** null for a Secret that holds no such set, as the empty one of a manifest. */
function storedSet({ data = {} }: V1Secret): CertificateSet | null {
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
  const set: CertificateSet = {
    authorities: text('ca.crt').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
    authorityKey: text('ca.key'),
    certificate: text('tls.crt'),
    key: text('tls.key'),
  };
  return isSound(set) ? set : null;
}

/** Writes unless somebody else did since it was read. */
async function writeSecret(
  { core, secret: { namespace, name } }: CertificateKeeperOptions,
  before: V1Secret | null,
  set: CertificateSet,
): Promise<void> {
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const body: V1Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: before?.type ?? 'kubernetes.io/tls',
    metadata: { ...before?.metadata, name, namespace },
    data: {
      'ca.crt': encoded(bundleOf(set.authorities)),
      'ca.key': encoded(set.authorityKey),
      'tls.crt': encoded(set.certificate),
      'tls.key': encoded(set.key),
    },
  };
  try {
    await (before === null
      ? core.createNamespacedSecret({ namespace, body })
      : core.replaceNamespacedSecret({ namespace, name, body }));
  } catch (error) {
    // The next look finds what the other one wrote.
    if (statusOf(error) !== 409) {
      throw clusterError(`the secret ${namespace}/${name} cannot be written`, error);
    }
  }
}

function bundleOf(authorities: readonly string[]): string {
  return `${authorities.map((authority) => authority.trim()).join('\n')}\n`;
}

/** Whether both webhook configurations trusted them before; those that did not do so afterwards. */
async function trustAuthorities(
  { registration, configuration: name }: CertificateKeeperOptions,
  authorities: readonly string[],
): Promise<boolean> {
  const bundle = Buffer.from(bundleOf(authorities)).toString('base64');
  const kinds = [
    {
      read: () => registration.readValidatingWebhookConfiguration({ name }),
      patch: (body: object) => registration.patchValidatingWebhookConfiguration({ name, body }),
    },
    {
      read: () => registration.readMutatingWebhookConfiguration({ name }),
      patch: (body: object) => registration.patchMutatingWebhookConfiguration({ name, body }),
    },
  ];
  let wereTrusted = true;
  for (const { read, patch } of kinds) {
    try {
      const { webhooks = [] } = await read();
      const stale = webhooks.flatMap(({ clientConfig }, index) => (clientConfig.caBundle === bundle ? [] : [index]));
      if (stale.length > 0) {
        wereTrusted = false;
        await patch(
          stale.flatMap((index) => [
            // Whoever reordered them meanwhile makes the patch fail, and the next look succeed.
            { op: 'test', path: `/webhooks/${index}/name`, value: webhooks[index]?.name },
            { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: bundle },
          ]),
        );
      }
    } catch (error) {
      // Not installed (yet), or only one of the two.
      if (statusOf(error) !== 404) {
        throw clusterError(`the webhook configuration ${name} cannot be given its authority`, error);
      }
    }
  }
  return wereTrusted;
}
