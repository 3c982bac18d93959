import test from 'ava';
import { fuzz } from './mutations.ts';

// Two thousand of the 50,000 that `node test/fuzz/mutations.ts` runs; another part of them with another seed.
test('whatever happens to the bytes of a file, it is answered or refused, soon and in little memory', async (t) => {
  const report = await fuzz(Number(process.env.ELFGATE_FUZZ_SEED ?? 1), 2_000);
  t.log(
    `${report.mutations} mutations, ${report.refused} refused; slowest ${Math.round(report.slowest.milliseconds)} ms`,
  );
  for (const reason of report.missing) {
    t.log(reason);
  }
  t.deepEqual(report.failures, []);
  t.true(report.grownBytes < 400_000_000, `memory grew by ${report.grownBytes} bytes`);
});
