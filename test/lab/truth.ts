/**
 * Runs every sequence of `test/loader/plugin-open/matrix.ts` and every look-up of `test/loader/name-services/matrix.ts`
 * for real and says where the prediction agrees: `node test/lab/truth.ts [WORD]`, where a word picks the classes whose
 * description holds it. What this machine cannot run is said on standard error, once a reason, and counted. Exit code 1
 * on a difference.
 */

import { configurations, serviceRoots } from '../loader/name-services/matrix.ts';
import { compareLookUps } from '../loader/name-services/real-look-ups.ts';
import { matrix, type SequenceClass } from '../loader/plugin-open/matrix.ts';
import { compareWithReality } from '../loader/plugin-open/real-sequence.ts';
import { staticResolvers } from './artifacts/debian-roots.ts';

const [wanted = ''] = process.argv.slice(2);
const counted = ['sequences', 'steps', 'agrees', 'outcome', 'undecided', 'disagrees', 'notRun'] as const;
type Counts = Record<(typeof counted)[number], number>;

const none = (): Counts => ({
  sequences: 0,
  steps: 0,
  agrees: 0,
  outcome: 0,
  undecided: 0,
  disagrees: 0,
  notRun: 0,
});
const row = (cells: readonly (string | number)[]): string =>
  `${cells.map((cell, index) => (index === 0 ? String(cell).padEnd(72) : String(cell).padStart(10))).join('')}\n`;

const told = new Set<string>();

/** One line a reason: a missing emulator is the reason of a hundred sequences. */
function notRun(about: string, reason: string): void {
  if (!told.has(reason)) {
    told.add(reason);
    process.stderr.write(`not run: ${about}: ${reason}\n`);
  }
}

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

const classes: readonly { readonly about: string; readonly count: () => Promise<Counts> }[] = [
  ...matrix.map((each) => ({ about: each.about, count: () => openings(each) })),
  ...serviceRoots.map((root) => {
    const about = `name services: static programs in ${root}`;
    return { about, count: () => lookUps(about, root) };
  }),
];

process.stdout.write(row(['class', 'sequences', 'steps', 'agree', 'no text', 'undecided', 'differ', 'not run']));
const total = none();
for (const { about, count } of classes.filter((each) => each.about.includes(wanted))) {
  const counts = await count();
  process.stdout.write(row([about, ...counted.map((name) => counts[name])]));
  for (const name of counted) {
    total[name] += counts[name];
  }
}
process.stdout.write(row(['all', ...counted.map((name) => total[name])]));
process.exitCode = total.disagrees > 0 ? 1 : 0;
