import test from 'ava';
import { audit } from '../../src/admission/audit.ts';
import { reportContent } from '../../src/admission/audit-report.ts';
import { imageFacts } from '../../src/admission/image-facts.ts';
import { type AdmissionJudge, admissionJudge } from '../../src/admission/judge.ts';
import { pooledEvaluation } from '../../src/admission/pooled-evaluation.ts';
import { anonymous } from '../../src/image/registry/credentials.ts';
import { limits } from '../../src/limits.ts';
import { defaultConfiguration } from '../../src/policy/configuration/configuration.ts';
import { artifacts } from '../lab/lab.ts';
import { checkoutPolicies } from '../policies/judge-case.ts';
import { knownImages, podOf } from '../webhook/webhook-under-test.ts';

const host = 'registry.example.com/gateway:1';
const bad = 'registry.example.com/audit:bad';

/** Counts how often workloads are judged. */
function counted(judge: AdmissionJudge): AdmissionJudge & { readonly judged: string[] } {
  const judged: string[] = [];
  return {
    ...judge,
    judged,
    judge(workload, ...further) {
      judged.push(workload.name);
      return judge.judge(workload, ...further);
    },
  };
}

async function* deployments(count: number, namespace: string, spec: object) {
  for (let index = 0; index < count; index++) {
    yield {
      namespace,
      object: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: `d${index}`, namespace },
        spec: { template: { spec } },
      },
    };
  }
}

async function* all(...lists: AsyncIterable<{ namespace: string; object: unknown }>[]) {
  for (const list of lists) {
    yield* list;
  }
}

test('a thousand workloads of one image set are judged once, and reported in few words', async (t) => {
  t.timeout(600_000, 'building real binaries takes minutes on the first run');
  const lab = await artifacts(['go/host', 'go/plugin@1.25']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    t.pass();
    return;
  }
  const root = {
    'lib64/ld-linux-x86-64.so.2': '/lib64/ld-linux-x86-64.so.2',
    'lib/x86_64-linux-gnu/libc.so.6': '/lib/x86_64-linux-gnu/libc.so.6',
  };
  const images = knownImages({
    [host]: { 'usr/bin/gateway': lab.path['go/host'], ...root },
    [bad]: { 'audit.so': lab.path['go/plugin@1.25'] },
  });
  const judge = counted(
    await admissionJudge(await checkoutPolicies(), defaultConfiguration, pooledEvaluation({ threads: 1 })),
  );
  const facts = imageFacts({
    inspector: images,
    kept: null,
    memoryBytes: limits.factsMemoryBytes,
    inspections: 4,
    inspectionTime: 60_000,
  });
  const { spec: broken } = podOf(host, bad) as { spec: object };
  const { spec: fine } = podOf(host, null) as { spec: object };
  const { spec: absent } = podOf('registry.example.com/nothing:1', null) as { spec: object };
  const namespaces = await audit(
    all(
      deployments(1_000, 'shop', broken),
      deployments(1, 'shop', fine),
      deployments(3, 'kube-system', broken),
      deployments(2, 'empty', absent),
    ),
    { judge, facts, credentialsFor: () => anonymous, today: new Date(), patience: 60_000 },
  );
  t.deepEqual(
    namespaces.map(({ namespace, workloads, clean }) => ({ namespace, workloads, clean })),
    [
      { namespace: 'empty', workloads: 2, clean: 0 },
      { namespace: 'shop', workloads: 1_001, clean: 1 },
    ],
  );
  t.is(judge.judged.length, 3);
  t.true([...images.inspected.values()].every((count) => count === 1));
  const [empty, shop] = namespaces;
  t.like(empty?.results[0], { rule: null, result: 'error', target: 'registry.example.com/nothing:1' });
  t.true((shop?.results ?? []).some(({ rule, result }) => rule === 'plugin/go-version-match' && result === 'fail'));
  t.true((shop?.results ?? []).every(({ resources }) => resources.length === 1_000));
  const report = shop === undefined ? null : reportContent(shop);
  t.true(JSON.stringify(report).length < 100_000);
  t.is(report?.summary.pass, 1);
  facts.close();
  await judge.close();
});
