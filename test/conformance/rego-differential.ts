import { cacheDirectory } from '../../cli/directories.js';
import { compareEngines } from './compared-engines.ts';

/**
 * Compares this engine with OPA's own evaluator on random policies: `npm run conformance:random -- [COUNT] [SEED]`.
 * Prints each that differs; exit code 1 when there is one.
 */
const [count = 2_000, seed = Date.now() % 1_000_000] = process.argv.slice(2).map(Number);
const options = { cacheDirectory: cacheDirectory(process.env), environment: process.env };
const { equal, telling, failing, rejected, differing } = await compareEngines(count, seed, options);
for (const { module, input, here, opa } of differing) {
  process.stdout.write(`${module}\ninput: ${JSON.stringify(input)}\nhere:  ${here}\nopa:   ${opa}\n\n`);
}
process.stdout.write(
  `seed ${seed}: ${equal} equal (${telling} with something in them, ${failing} errors), ${differing.length} differ, ${rejected} do not compile\n`,
);
process.exitCode = differing.length > 0 ? 1 : 0;
