/**
 * Runs every sequence of `test/loader/plugin-open/matrix.ts` for real and says where the prediction agrees:
 * `node test/lab/truth.ts [WORD]`, where a word picks the classes whose description holds it. Exit code 1 on a difference.
 */

import { configurations, serviceRoots } from '../loader/name-services/matrix.ts';
import { compareLookUps } from '../loader/name-services/real-look-ups.ts';
import { matrix } from '../loader/plugin-open/matrix.ts';
import { compareWithReality } from '../loader/plugin-open/real-sequence.ts';
import { staticResolvers } from './artifacts/debian-roots.ts';

const [wanted = ''] = process.argv.slice(2);
const columns = (cells: readonly (string | number)[]): string =>
  cells.map((cell, index) => (index === 0 ? String(cell).padEnd(72) : String(cell).padStart(10))).join('');

process.stdout.write(`${columns(['class', 'sequences', 'steps', 'agree', 'no text', 'undecided', 'differ'])}\n`);
const total = { sequences: 0, steps: 0, agrees: 0, outcome: 0, undecided: 0, disagrees: 0 };
for (const { about, cases } of matrix.filter((each) => each.about.includes(wanted))) {
  const counts = { sequences: 0, steps: 0, agrees: 0, outcome: 0, undecided: 0, disagrees: 0 };
  for (const sequence of cases) {
    const compared = await compareWithReality(sequence);
    if (!compared.available) {
      process.stderr.write(`not run: ${compared.reason}\n`);
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
  for (const name of ['sequences', 'steps', 'agrees', 'outcome', 'undecided', 'disagrees'] as const) {
    total[name] += counts[name];
  }
  for (const root of serviceRoots) {
    const about = `name services: static programs in ${root}`;
    if (!about.includes(wanted)) {
      continue;
    }
    const counts = { agrees: 0, undecided: 0, disagrees: 0 };
    let lookUps = 0;
    for (const services of configurations) {
      const compared = await compareLookUps(root, services, staticResolvers);
      if (!compared.available) {
        process.stderr.write(`not run: ${compared.reason}\n`);
        break;
      }
      for (const lookUp of compared.lookUps) {
        lookUps += 1;
        counts[lookUp.verdict] += 1;
        if (lookUp.verdict !== 'agrees') {
          process.stderr.write(`${lookUp.verdict}: ${root}: ${JSON.stringify(lookUp)}\n`);
        }
      }
    }
    const { agrees, undecided, disagrees } = counts;
    total.sequences += lookUps;
    total.steps += lookUps;
    total.agrees += agrees;
    total.undecided += undecided;
    total.disagrees += disagrees;
    process.stdout.write(`${columns([about, lookUps, lookUps, agrees, 0, undecided, disagrees])}\n`);
  }
  const { sequences, steps, agrees, outcome, undecided, disagrees } = counts;
  process.stdout.write(`${columns([about, sequences, steps, agrees, outcome, undecided, disagrees])}\n`);
}
for (const root of serviceRoots) {
  const about = `name services: static programs in ${root}`;
  if (!about.includes(wanted)) {
    continue;
  }
  const counts = { agrees: 0, undecided: 0, disagrees: 0 };
  let lookUps = 0;
  for (const services of configurations) {
    const compared = await compareLookUps(root, services, staticResolvers);
    if (!compared.available) {
      process.stderr.write(`not run: ${compared.reason}\n`);
      break;
    }
    for (const lookUp of compared.lookUps) {
      lookUps += 1;
      counts[lookUp.verdict] += 1;
      if (lookUp.verdict !== 'agrees') {
        process.stderr.write(`${lookUp.verdict}: ${root}: ${JSON.stringify(lookUp)}\n`);
      }
    }
  }
  const { agrees, undecided, disagrees } = counts;
  total.sequences += lookUps;
  total.steps += lookUps;
  total.agrees += agrees;
  total.undecided += undecided;
  total.disagrees += disagrees;
  process.stdout.write(`${columns([about, lookUps, lookUps, agrees, 0, undecided, disagrees])}\n`);
}
const { sequences, steps, agrees, outcome, undecided, disagrees } = total;
process.stdout.write(`${columns(['all', sequences, steps, agrees, outcome, undecided, disagrees])}\n`);
process.exitCode = disagrees > 0 ? 1 : 0;
