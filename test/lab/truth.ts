/**
 * Runs every sequence of `test/loader/plugin-open/matrix.ts` and every look-up of `test/loader/name-services/matrix.ts`
 * for real, opens this machine's libraries with dlopen and asks ldd about them, and says where the prediction agrees:
 * `node test/lab/truth.ts [--count N] [WORD]`, where a word picks the classes whose description holds it, and a count
 * that many files of this machine instead of all. What this machine cannot run is said on standard error, once a reason,
 * and counted. Exit code 1 on a difference.
 */

import { parseArgs } from 'node:util';
import { configurations, serviceRoots } from '../loader/name-services/matrix.ts';
import { compareLookUps } from '../loader/name-services/real-look-ups.ts';
import { matrix, type SequenceClass } from '../loader/plugin-open/matrix.ts';
import { compareWithReality } from '../loader/plugin-open/real-sequence.ts';
import { staticResolvers } from './artifacts/debian-roots.ts';
import { cTruth } from './c-truth.ts';
import { type Counts, counted, none, notRun, row, type TruthClass } from './truth-table.ts';

const {
  values: { count: most },
  positionals: [wanted = ''],
} = parseArgs({ options: { count: { type: 'string' } }, allowPositionals: true });

async function openings({ about, cases }: SequenceClass): Promise<Counts> {
  const counts = none();
  for (const sequence of cases) {
    const compared = await compareWithReality(sequence);
    if (!compared.available) {
      notRun(about, compared.reason);
      counts.notRun += 1;
      continue;
    }
    counts.sequences += 1;
    for (const { plugin, predicted, real, verdict } of compared.steps) {
      counts.steps += 1;
      counts[verdict] += 1;
      if (verdict !== 'agrees') {
        const { outcome, reason, message } = predicted;
        const details = JSON.stringify({ predicted: { outcome, reason, message }, real });
        process.stderr.write(`${verdict}: ${sequence.host} <- ${sequence.plugins.join(', ')}: ${plugin}: ${details}\n`);
      }
    }
  }
  return counts;
}

async function lookUps(about: string, root: (typeof serviceRoots)[number]): Promise<Counts> {
  const counts = none();
  for (const services of configurations) {
    const compared = await compareLookUps(root, services, staticResolvers);
    if (!compared.available) {
      notRun(about, compared.reason);
      counts.notRun += staticResolvers.length;
      continue;
    }
    for (const lookUp of compared.lookUps) {
      counts.sequences += 1;
      counts.steps += 1;
      counts[lookUp.verdict] += 1;
      if (lookUp.verdict !== 'agrees') {
        process.stderr.write(`${lookUp.verdict}: ${root}: ${JSON.stringify(lookUp)}\n`);
      }
    }
  }
  return counts;
}

const classes: readonly TruthClass[] = [
  ...matrix.map((each) => ({ about: each.about, count: () => openings(each) })),
  ...serviceRoots.map((root) => {
    const about = `name services: static programs in ${root}`;
    return { about, count: () => lookUps(about, root) };
  }),
  ...cTruth(most === undefined ? Number.POSITIVE_INFINITY : Number(most)),
];

process.stdout.write(row(['class', 'sequences', 'steps', 'agree', 'no text', 'undecided', 'differ', 'not run']));
const total = none();
for (const { about, count } of classes.filter((each) => each.about.includes(wanted))) {
  const counts = await count();
  if (counts.steps + counts.notRun === 0) {
    // An outcome that nothing on this machine has.
    continue;
  }
  process.stdout.write(row([about, ...counted.map((name) => counts[name])]));
  for (const name of counted) {
    total[name] += counts[name];
  }
}
process.stdout.write(row(['all', ...counted.map((name) => total[name])]));
process.exitCode = total.disagrees > 0 ? 1 : 0;
