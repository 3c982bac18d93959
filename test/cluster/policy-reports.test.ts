import test from 'ava';
import { policyReports } from '../../src/cluster/policy-reports.ts';
import { ElfgateError } from '../../src/errors.ts';

const content = (fail: number) => ({ summary: { pass: 0, fail, warn: 0, error: 0, skip: 0 }, results: [] });

interface Stored {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels?: Record<string, string> };
  readonly summary?: object;
}

/** The custom objects of a cluster, by `NAMESPACE/NAME`; the end-to-end test asks a real one. */
function clusterOf(...objects: readonly Stored[]) {
  const stored = new Map(objects.map((object) => [keyOf(object.metadata), object]));
  const absent = Object.assign(new Error('HTTP-Code: 404'), { code: 404 });
  const found = (place: { namespace: string; name: string }): Stored => {
    const object = stored.get(keyOf(place));
    if (object === undefined) {
      throw absent;
    }
    return object;
  };
  return {
    stored,
    getNamespacedCustomObject: async (place: { namespace: string; name: string }) => found(place),
    async createNamespacedCustomObject({ body }: { body: Stored }) {
      stored.set(keyOf(body.metadata), body);
    },
    async replaceNamespacedCustomObject({ body }: { body: Stored }) {
      stored.set(keyOf(body.metadata), body);
    },
    async deleteNamespacedCustomObject(place: { namespace: string; name: string }) {
      found(place);
      stored.delete(keyOf(place));
    },
    async listCustomObjectForAllNamespaces({
      labelSelector,
      limit = 1,
      _continue = '0',
    }: {
      labelSelector?: string;
      limit?: number;
      _continue?: string;
    }) {
      const [key = '', value] = labelSelector?.split('=') ?? [];
      const all = [...stored.values()].filter(({ metadata }) => metadata.labels?.[key] === value);
      const from = Number(_continue);
      return {
        items: all.slice(from, from + limit),
        metadata: from + limit < all.length ? { continue: String(from + limit) } : {},
      };
    },
  };
}

const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

test('a report takes the place of the one before', async (t) => {
  const cluster = clusterOf();
  const reports = policyReports(cluster, 'wgpolicyk8s', 2);
  await reports.write('shop', content(3));
  await reports.write('shop', content(1));
  t.deepEqual(
    [...cluster.stored].map(([key, { summary }]) => [key, summary]),
    [['shop/elfgate', content(1).summary]],
  );
});

test('reports of namespaces in which nothing is judged any more go, and those of others stay', async (t) => {
  const foreign = {
    metadata: { name: 'polr-other', namespace: 'emptied', labels: { 'app.kubernetes.io/managed-by': 'another' } },
  };
  // Made by whoever manages elfgate itself, and no report of an audit.
  const neighbour = {
    metadata: { name: 'kept', namespace: 'emptied', labels: { 'app.kubernetes.io/managed-by': 'elfgate' } },
  };
  const cluster = clusterOf(foreign, neighbour);
  const reports = policyReports(cluster, 'openreports', 2);
  for (const namespace of ['emptied', 'exempted', 'shop', 'stock']) {
    await reports.write(namespace, content(1));
  }
  await reports.keepOnly(new Set(['shop', 'stock']));
  t.deepEqual([...cluster.stored.keys()].sort(), [
    'emptied/kept',
    'emptied/polr-other',
    'shop/elfgate',
    'stock/elfgate',
  ]);
});

test('a report that is gone already is no error, and a cluster that forbids it is one', async (t) => {
  const cluster = clusterOf();
  const reports = policyReports(cluster, 'wgpolicyk8s', 2);
  await reports.write('leaving', content(1));
  const gone = policyReports(
    {
      ...cluster,
      async deleteNamespacedCustomObject() {
        throw Object.assign(new Error('HTTP-Code: 404'), { code: 404 });
      },
    },
    'wgpolicyk8s',
    2,
  );
  await t.notThrowsAsync(gone.keepOnly(new Set()));
  const forbidden = policyReports(
    {
      ...cluster,
      async deleteNamespacedCustomObject() {
        throw Object.assign(new Error('HTTP-Code: 403'), { code: 403 });
      },
    },
    'wgpolicyk8s',
    2,
  );
  await t.throwsAsync(forbidden.keepOnly(new Set()), { instanceOf: ElfgateError, code: 'unreachable' });
});
