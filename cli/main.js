#!/usr/bin/env node
// `main.ts` is a link to this file, which Node starts without the compiler that strips types: fifty milliseconds. Those of
// all other files are gone from the code that is kept.
import module from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from './directories.js';

const oldestNode = 24;

if (Number.parseInt(process.versions.node, 10) < oldestNode) {
  process.stderr.write(
    `cannot decide[usage]: elfgate needs Node ${oldestNode} or newer, and this is ${process.versions.node}\n`,
  );
  process.exitCode = 2;
} else {
  // Half of a short run would otherwise go into compiling this program again.
  module.enableCompileCache(join(cacheDirectory(process.env), 'code'));
  import('./program.ts')
    .then(({ run }) => run(process.argv.slice(2), process))
    .then((exitCode) => {
      process.exitCode = exitCode;
      // Node would take the heap apart first: a twentieth of a short run. What a slow reader has not taken yet is waited for.
      if (process.stdout.writableLength + process.stderr.writableLength === 0) {
        process.exit();
      }
    });
}
