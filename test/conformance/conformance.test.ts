import { spawnSync } from 'node:child_process';
import test from 'ava';
import { findElfFiles, pick, usualRoots } from './elf-files.ts';
import { compare, goRoots, hasGo } from './go-version.ts';
import { differences } from './readelf.ts';

test('elfgate reads of ELF files what readelf prints', (t) => {
  if (spawnSync('readelf', ['--version'], { stdio: 'ignore' }).status !== 0) {
    t.log('readelf is not on this machine: apt-get install binutils');
    t.pass();
    return;
  }
  const files = pick(findElfFiles(usualRoots), 150);
  const found = files.map((path) => ({ path, differences: differences(path) }));
  t.log(`${files.length} files`);
  t.deepEqual(
    found.filter((file) => file.differences.length > 0),
    [],
  );
});

test('elfgate reads of Go binaries what go version -m prints', (t) => {
  if (!hasGo()) {
    t.log('the go command is not on this machine');
    t.pass();
    return;
  }
  const { equal, without, differences: found } = compare(pick(findElfFiles(goRoots), 150));
  t.log(`${equal} files equal, ${without} without build information`);
  t.deepEqual(found, []);
});
