import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ElfFile } from '../../src/binary/elf/elf-file.ts';
import { bufferSource } from '../../src/bytes/byte-source.ts';
import { inspect } from '../../src/facts/inspect.ts';
import { emptyDirectory } from '../cli/run-cli.ts';
import { artifacts } from '../lab/lab.ts';

test('a name that is read only when symbols are compared is a problem of its file, and of no other', async (t) => {
  const lab = await artifacts(['go/host', 'go/plugin-library-beside', 'c/my-api']);
  if (!lab.available) {
    t.log(`not run: ${lab.reason}`);
    return t.pass();
  }
  const root = emptyDirectory();
  mkdirSync(join(root, 'plugins', 'lib'), { recursive: true });
  copyFileSync(lab.path['go/host'], join(root, 'host'));
  copyFileSync(lab.path['go/plugin-library-beside'], join(root, 'plugins', 'plugin.so'));
  // Stands in for the library that the plugin needs, which is looked for by the name of its file.
  const library = readFileSync(lab.path['c/my-api']);
  const symbols = new ElfFile(bufferSource(library)).dynamicSymbols;
  const [symbol = 0] = symbols?.exports ?? [];
  library.writeUInt32LE(0x7f_ffff, symbols?.fileOffset(symbol) ?? 0);
  writeFileSync(join(root, 'plugins', 'lib', 'libabsent.so'), library);

  const [document] = await inspect([{ name: root, role: null }], { symbols: 'counted' });
  t.deepEqual(
    document?.problems.map(({ path, code, message }) => [path, code, message.replace(/0x[0-9a-f]+/, '0x…')]),
    [
      [
        'plugins/lib/libabsent.so',
        'malformed',
        `plugins/lib/libabsent.so: offset 0x…: a name at 8388607 lies outside this string table of ${symbols?.strings.bytes.length} bytes`,
      ],
    ],
  );
  t.is(document?.binaries.length, 3);
  t.is(document?.predictions.plugins.length, 1);
});
