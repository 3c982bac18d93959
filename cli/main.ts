#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { cacheDirectory } from './directories.ts';

// Half of a short run would otherwise go into compiling this program again.
enableCompileCache(join(cacheDirectory(process.env), 'code'));

const { run } = await import('./program.ts');
process.exitCode = await run(process.argv.slice(2), process);
