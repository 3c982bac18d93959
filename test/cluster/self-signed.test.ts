import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import type { V1Secret } from '@kubernetes/client-node';
import test from 'ava';
import { certificateKeeper } from '../../src/cluster/certificate-keeper.ts';
import { type CertificateSet, dueRenewal, isSound, newCertificateSet } from '../../src/cluster/self-signed.ts';

const day = 86_400_000;
const lifetimes = { authority: 90 * day, certificate: 30 * day };
const names = ['elfgate.elfgate-system.svc', '127.0.0.1'];

/** Whether a client that trusts a bundle speaks with a server of a set. */
async function isTrusted(set: CertificateSet, bundle: string, servername: string): Promise<boolean> {
  const server = createServer({ cert: set.certificate, key: set.key });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: bundle, servername }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  } finally {
    server.close();
  }
}

/** The Secret and the configurations of one cluster, with their conflicts; the end-to-end test asks a real one. */
function clusterOf(clock: { now: Date }) {
  const failure = (code: number) => Object.assign(new Error(`HTTP-Code: ${code}`), { code });
  let secret: V1Secret | null = null;
  let version = 0;
  const bundles = ['', ''];
  const read = (index: number) => async () => ({
    webhooks: [
      {
        name: 'validate.elfgate.dev',
        clientConfig: { caBundle: bundles[index] ?? '' },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
      },
    ],
  });
  const patch =
    (index: number) =>
    async ({ body }: { body: readonly { op: string; value: string }[] }) => {
      bundles[index] = body.find(({ op }) => op === 'add')?.value ?? '';
      return {};
    };
  const write = (body: V1Secret): V1Secret => {
    version += 1;
    secret = { ...body, metadata: { ...body.metadata, resourceVersion: String(version) } };
    return secret;
  };
  return {
    bundle: () => Buffer.from(bundles[0] ?? '', 'base64').toString(),
    bundles,
    writes: () => version,
    keeper: () =>
      certificateKeeper({
        core: {
          async readNamespacedSecret() {
            if (secret === null) {
              throw failure(404);
            }
            return secret;
          },
          async createNamespacedSecret({ body }) {
            if (secret !== null) {
              throw failure(409);
            }
            return write(body);
          },
          async replaceNamespacedSecret({ body }) {
            if (body.metadata?.resourceVersion !== secret?.metadata?.resourceVersion) {
              throw failure(409);
            }
            return write(body);
          },
        },
        registration: {
          readValidatingWebhookConfiguration: read(0),
          readMutatingWebhookConfiguration: read(1),
          patchValidatingWebhookConfiguration: patch(0),
          patchMutatingWebhookConfiguration: patch(1),
        },
        secret: { namespace: 'elfgate-system', name: 'elfgate-certificate' },
        configuration: 'elfgate',
        names,
        lifetimes,
        now: () => clock.now,
      }),
  };
}

test('a set is for its names, and trusted by its authority alone', async (t) => {
  const now = new Date();
  const [set, other] = await Promise.all([
    newCertificateSet(names, lifetimes, now),
    newCertificateSet(names, lifetimes, now),
  ]);
  t.true(isSound(set));
  t.false(isSound({ ...set, key: other.key }));
  t.false(isSound({ ...set, certificate: 'nothing' }));
  const [authority = ''] = set.authorities;
  t.true(await isTrusted(set, authority, 'elfgate.elfgate-system.svc'));
  t.false(await isTrusted(set, authority, 'other.elfgate-system.svc'));
  t.false(await isTrusted(set, other.authorities[0] ?? '', 'elfgate.elfgate-system.svc'));
  t.is(dueRenewal(set, names, now), null);
  t.is(dueRenewal(set, [...names, 'another.svc'], now), 'certificate');
});

test('replicas that start together make one authority, which both configurations trust', async (t) => {
  const clock = { now: new Date() };
  const cluster = clusterOf(clock);
  const sets = await Promise.all(Array.from({ length: 5 }, () => cluster.keeper().look()));
  t.is(cluster.writes(), 1);
  t.is(new Set(sets.map(({ certificate }) => certificate)).size, 1);
  t.is(new Set(cluster.bundles).size, 1);
  t.is(cluster.bundle().trim(), (sets[0]?.authorities[0] ?? '').trim());
});

test('over a year certificates and authorities are renewed before they end, and every replica is trusted all the time', async (t) => {
  const clock = { now: new Date() };
  const start = clock.now.getTime();
  const cluster = clusterOf(clock);
  const replicas = [cluster.keeper(), cluster.keeper(), cluster.keeper()];
  const served = await Promise.all(replicas.map((replica) => replica.look()));
  const seen = new Set<string>();
  const authorities = new Set<string>();
  for (let today = 0; today <= 365; today += 2) {
    clock.now = new Date(start + today * day);
    // One replica looks at a time; the others serve what they have, which has to be trusted meanwhile.
    for (const [index, replica] of replicas.entries()) {
      served[index] = await replica.look();
      for (const { certificate } of served) {
        const x509 = new X509Certificate(certificate);
        const trusted = cluster.bundle().match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
        t.true(
          trusted.some((authority) => x509.verify(new X509Certificate(authority).publicKey)),
          `day ${today}`,
        );
        t.true(x509.validToDate > clock.now, `day ${today}`);
        seen.add(x509.fingerprint256);
      }
      for (const authority of served[index]?.authorities ?? []) {
        authorities.add(authority);
      }
    }
  }
  t.true(seen.size >= 15, `${seen.size} certificates`);
  t.true(authorities.size >= 6, `${authorities.size} authorities`);
  t.true((served[0]?.authorities.length ?? 0) <= 2, 'old authorities are dropped');
});
