import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { runDirectory } from '../run-directory.ts';

/**
 * Proves the speeds that elfgate promises, against the named peers in the same run, turn by turn so that a noisy machine
 * disturbs both alike: `npm run bench`, or `npm run bench -- NAME …`. Each is a program of its own: what one leaves in
 * memory is not in the next one's figures. Exit code 1 when a promise does not hold, 2 when something could not be measured.
 */
const benches: readonly string[] = [
  'inspection',
  'images',
  'resolution',
  'policy-evaluation',
  'plugin-open',
  'scan',
  'trust',
  'admission',
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !benches.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no bench is named ${unknown.join(', ')}: ${benches.join(', ')}\n`);
  process.exit(2);
}
for (const name of benches) {
  if (asked.length === 0 || asked.includes(name)) {
    process.stdout.write(`\n${name}\n`);
    const directory = runDirectory();
    const { status } = spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`)], {
      stdio: 'inherit',
      env: directory.environment,
    });
    directory.remove();
    process.exitCode = Math.max(Number(process.exitCode ?? 0), status ?? 2);
  }
}
