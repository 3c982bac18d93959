/**
 * Writes facts to a store until it is killed or done: `node store-writer.ts DIRECTORY CONTENTS FIRST COUNT`. Says each
 * number on a line of its own once it is written.
 */
import { readFileSync } from 'node:fs';
import { diskStore } from '../../src/facts/store/disk-store.ts';
import { decodeContents } from '../../src/facts/store/stored-contents.ts';
import { digestOf } from '../../src/image/digest.ts';

const [directory = '', contentsFile = '', first = '0', count = '0'] = process.argv.slice(2);
const contents = decodeContents(readFileSync(contentsFile));
if (contents === null) {
  throw new Error(`${contentsFile} holds no facts`);
}
const store = diskStore({ directory, revision: 'test', now: () => Date.now() });
for (let number = Number(first); number < Number(first) + Number(count); number++) {
  const digest = digestOf(Buffer.from(`image ${number}`));
  await store.write({ digest, store: null }, { ...contents, digest }, null);
  process.stdout.write(`${number}\n`);
}
store.close();
