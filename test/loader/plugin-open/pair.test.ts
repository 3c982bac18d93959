import test from 'ava';
import { inspect } from '../../../src/facts/inspect.ts';
import type { PluginPairFacts } from '../../../src/facts/schema.ts';
import { type ArtifactName, artifacts } from '../../lab/lab.ts';
import { openAll } from '../../lab/run.ts';

const toolchains = ['1.19', '1.20', '1.21', '1.22', '1.23', '1.24', '1.25', '1.26'] as const;

/** What is predicted for a pair, and what the real host does with the real plugin. */
async function predictedAndReal(host: ArtifactName, plugin: ArtifactName) {
  const lab = await artifacts([host, plugin]);
  if (!lab.available) {
    return { available: false as const, reason: lab.reason };
  }
  const [hostPath, pluginPath] = [lab.path[host], lab.path[plugin]];
  const [, document] = await inspect(
    [
      { name: hostPath, role: 'host' },
      { name: pluginPath, role: 'plugin' },
    ],
    { symbols: 'counted' },
  );
  const pair = document?.predictions.plugins[0];
  if (pair === undefined) {
    throw new Error(`${host} and ${plugin} make no pair`);
  }
  return { available: true as const, pair, real: await openAll(hostPath, [pluginPath]) };
}

type Real = Extract<Awaited<ReturnType<typeof predictedAndReal>>, { available: true }>['real'];

/** A certain prediction must be what happened; no prediction promises nothing. */
function agrees(pair: PluginPairFacts, real: Real): boolean {
  const [opening] = real.openings;
  switch (pair.outcome) {
    case 'crashes':
      return pair.moduleData === 'different-fields'
        ? opening?.outcome === 'panics' || real.ending === 'crashes'
        : real.ending === 'crashes' && real.stderr.includes(pair.message ?? '');
    case 'fails':
      return opening?.outcome === 'fails' && (opening.message ?? '').includes(pair.message ?? '');
    default:
      return true;
  }
}

for (const hostRelease of toolchains) {
  test(`a host of Go ${hostRelease} does with plugins of every release what was predicted`, async (t) => {
    t.timeout(900_000, 'eight toolchains are downloaded and used on the first run');
    for (const pluginRelease of toolchains) {
      const tried = await predictedAndReal(`go/host@${hostRelease}`, `go/plugin@${pluginRelease}`);
      if (!tried.available) {
        t.log(`not run: ${tried.reason}`);
        continue;
      }
      const { pair, real } = tried;
      t.true(agrees(pair, real), `plugin of ${pluginRelease}: ${JSON.stringify({ pair, real }, null, 2)}`);
      const loaded = real.openings[0]?.outcome === 'loads';
      t.is(loaded, hostRelease === pluginRelease);
      t.is(pair.outcome === null, loaded, `plugin of ${pluginRelease}: what does not load is predicted as certain`);
    }
    t.pass();
  });
}

const differences: readonly ArtifactName[] = [
  'go/plugin',
  'go/plugin-stripped',
  'go/plugin-ldflags-s-w',
  'go/plugin-without-sections',
  'go/plugin-goamd64-v3',
  'go/plugin-tags-unused',
  'go/plugin-tags-in-shared',
  'go/plugin-trimpath',
  'go/plugin-race',
  'go/plugin-no-optimization',
  'go/plugin-goexperiment',
  'go/plugin-dependency-1.1.0',
  'go/plugin-other-directory',
];

for (const plugin of differences) {
  test(`${plugin} in a host of the same toolchain: the package named is the one that Go names`, async (t) => {
    t.timeout(600_000);
    const tried = await predictedAndReal('go/host', plugin);
    if (!tried.available) {
      t.log(`not run: ${tried.reason}`);
      t.pass();
      return;
    }
    const { pair, real } = tried;
    t.true(agrees(pair, real), JSON.stringify({ pair, real }, null, 2));
    t.is(pair.outcome === null, real.openings[0]?.outcome === 'loads', JSON.stringify({ pair, real }, null, 2));
  });
}
