import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { dynamicValue } from '../../../src/binary/elf/dynamic.ts';
import { ElfFile } from '../../../src/binary/elf/elf-file.ts';
import { DT } from '../../../src/binary/elf/names.ts';
import { bufferSource } from '../../../src/bytes/byte-source.ts';
import { predictPluginOpens } from '../../../src/loader/plugin-open/predict.ts';
import { mutate, regionsOf } from '../../fuzz/mutation.ts';
import { artifacts } from '../../lab/lab.ts';
import { openAll } from '../../lab/run.ts';

const directory = mkdtempSync(join(tmpdir(), 'elfgate-test-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

// What the loader reads of a plugin; what else is in there is code and data, of which nothing is foretold.
const readByLoaders = /^(?:header|segments|dynamic|strings|symbols|hash|gnu-hash|version|rela|plt|relr)/;
const mutations = 80;

test('whatever happens to the tables of a plugin, it is not said to load unless it does', async (t) => {
  t.timeout(600_000);
  const lab = await artifacts(['go/host', 'go/plugin']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const { path } = lab;
  const bytes = Buffer.from(readFileSync(path['go/plugin']));
  const [first, ...others] = regionsOf(bytes).filter(({ name }) => readByLoaders.test(name));
  if (first === undefined) {
    return t.fail();
  }
  const plugin = join(directory, 'mutated.so');
  let loads = 0;
  for (let seed = 1; seed <= mutations; seed++) {
    const mutation = mutate(bytes, [first, ...others], seed);
    writeFileSync(plugin, mutation.bytes);
    const [predicted] = predictPluginOpens(path['go/host'], [plugin], { root: null }).results;
    if (predicted?.outcome === 'loads') {
      loads += 1;
      const { openings, stderr } = await openAll(path['go/host'], [plugin]);
      // A symbol may lead to something else: then the host dies when it uses it, after plugin.Open has returned.
      const returned = openings.length > 0 ? openings[0]?.outcome === 'loads' : !stderr.includes('plugin.open(');
      t.true(returned, `seed ${seed}: ${mutation.description}: ${openings[0]?.message ?? stderr}`);
    }
    mutation.undo();
  }
  t.log(`${loads} of ${mutations} mutations load all the same`);
  t.true(loads > 0);
});

test('a hash table whose chains have no end makes no endless work, and is no table of a plugin that loads', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const bytes = Buffer.from(readFileSync(lab.path['go/plugin']));
  const { dynamic, memory, dynamicSymbols } = new ElfFile(bufferSource(bytes));
  const at = dynamic === null ? null : memory.offsetOf(dynamicValue(dynamic, DT.gnuHash) ?? 0);
  if (at === null) {
    return t.fail();
  }
  const [buckets, first, filterWords] = [0, 4, 8].map((offset) => bytes.readUInt32LE(at + offset));
  const [bucketsAt, chainsAt] = [
    at + 16 + 8 * (filterWords ?? 0),
    at + 16 + 8 * (filterWords ?? 0) + 4 * (buckets ?? 0),
  ];
  // Every bucket begins at the first symbol, and only the last one ends the chain.
  bytes.fill(0xff, at + 16, bucketsAt);
  for (let bucket = 0; bucket < (buckets ?? 0); bucket++) {
    bytes.writeUInt32LE(first ?? 0, bucketsAt + 4 * bucket);
  }
  const chained = (dynamicSymbols?.length ?? 0) - (first ?? 0);
  for (let entry = 0; entry + 1 < chained; entry++) {
    bytes.writeUInt32LE((bytes.readUInt32LE(chainsAt + 4 * entry) & ~1) >>> 0, chainsAt + 4 * entry);
  }
  const plugin = join(directory, 'chained.so');
  writeFileSync(plugin, bytes);
  const start = performance.now();
  const [predicted] = predictPluginOpens(lab.path['go/host'], [plugin], { root: null }).results;
  t.is(predicted?.reason, 'malformed');
  t.is(predicted?.evidence[0]?.value, 'the chains of the GNU hash table run into each other');
  t.true(performance.now() - start < 20_000);
});
