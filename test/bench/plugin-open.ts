import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predictPluginOpens } from '../../src/loader/plugin-open/predict.ts';
import { artifacts } from '../lab/lab.ts';
import { promise } from './promises.ts';

/** Predicting plugin.Open: one pair in a fresh process, and sets of plugins that all stay in the global scope. */
const predictor = join(import.meta.dirname, '..', '..', 'src', 'loader', 'plugin-open', 'predict.ts');

const lab = await artifacts(['go/host', 'go/plugin', 'go/plugin-trimpath']);
if (!lab.available) {
  process.stderr.write(`${lab.reason}\n`);
  process.exit(2);
}
const { path } = lab;

/** Milliseconds of the first prediction of a process, whose code no compiler has made fast yet; start-up aside. */
function firstPrediction(): number {
  const script = `
    import { predictPluginOpens } from ${JSON.stringify(predictor)};
    const [host, plugin] = process.argv.slice(1);
    const start = performance.now();
    const { results } = predictPluginOpens(host, [plugin], { root: null });
    if (results[0].outcome !== 'loads') throw new Error(JSON.stringify(results));
    process.stdout.write(String(performance.now() - start));`;
  const args = ['--input-type=module', '--eval', script, path['go/host'], path['go/plugin']];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(stderr);
  }
  return Number(stdout);
}

/** The same two files through a peer that lists what a prediction has to read, as a whole process. */
function listedByReadelf(): number {
  const start = performance.now();
  spawnSync('readelf', ['-Ws', '--dyn-syms', '-r', '-V', path['go/host'], path['go/plugin']], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return performance.now() - start;
}

const turns = Array.from({ length: 15 }, () => [firstPrediction(), listedByReadelf()] as const);
const own = Math.min(...turns.map(([milliseconds]) => milliseconds));
const peer = Math.min(...turns.map(([, milliseconds]) => milliseconds));
const megabytes = [path['go/host'], path['go/plugin']]
  .map((file) => (statSync(file).size / 1e6).toFixed(1))
  .join(' + ');
promise(
  `predict a host and a plugin of ${megabytes} MB`,
  `${own.toFixed(0)} ms; readelf lists them in ${peer.toFixed(0)} ms: ${(own / peer).toFixed(2)} ×`,
  'below 60 ms of computing',
  own < 60,
);

// Each copy is refused for its packages, and stays in the scope in which those of the next one are looked up.
const directory = mkdtempSync(join(tmpdir(), 'elfgate-bench-'));
try {
  const plugins = Array.from({ length: 50 }, (_, index) => join(directory, `plugin-${index}.so`));
  for (const plugin of plugins) {
    copyFileSync(path['go/plugin-trimpath'], plugin);
  }
  const timed = (count: number): number => {
    const start = performance.now();
    const { results } = predictPluginOpens(path['go/host'], plugins.slice(0, count), { root: null });
    const milliseconds = performance.now() - start;
    if (results.some(({ reason }) => reason !== 'package-hash-mismatch')) {
      throw new Error('a copy was not compared');
    }
    return milliseconds;
  };
  timed(25);
  const rounds = Array.from({ length: 5 }, () => [timed(25), timed(50)] as const);
  const [half, all] = [0, 1].map((index) => Math.min(...rounds.map((round) => round[index] ?? 0))) as [number, number];
  promise(
    'predict 50 plugins of one process',
    `${all.toFixed(0)} ms against ${half.toFixed(0)} ms for 25: ${(all / half).toFixed(2)} ×`,
    'twice the plugins, below 2.4 × the time',
    all / half < 2.4,
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
