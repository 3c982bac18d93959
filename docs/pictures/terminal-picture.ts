/**
 * Makes a picture of a terminal from what commands really print:
 *
 *     node docs/pictures/terminal-picture.ts --output FILE.svg [--directory DIR] [--columns N] -- COMMAND… [--then COMMAND…]
 *     COMMAND | node docs/pictures/terminal-picture.ts --output FILE.svg
 *
 * A COMMAND that begins with `elfgate` is run from this checkout. Run it where the paths are short: they are shown.
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { parseAnsi } from './ansi.ts';
import { renderSvg } from './terminal-svg.ts';

const cli = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

const { values, positionals } = parseArgs({
  options: {
    output: { type: 'string' },
    directory: { type: 'string', default: '.' },
    columns: { type: 'string', default: '120' },
    title: { type: 'string', default: '' },
  },
  allowPositionals: true,
});

if (values.output === undefined) {
  process.stderr.write('terminal-picture: --output FILE.svg is missing\n');
  process.exit(2);
}
const columns = Number(values.columns);
const commands = split(positionals, '--then');
const text =
  commands.length === 0
    ? await textOf(process.stdin)
    : commands.map((words) => transcript(words, values.directory)).join('\n');
writeFileSync(values.output, renderSvg(parseAnsi(text, columns), { columns, title: values.title }));

/** The prompt with a command, and what it printed. */
function transcript(words: readonly string[], directory: string): string {
  const [program = '', ...args] = words[0] === 'elfgate' ? [process.execPath, cli, ...words.slice(1)] : words;
  const result = spawnSync(program, args, {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '', FORCE_COLOR: '1' },
    // A program that dies may print pages of stack after the line that counts.
    maxBuffer: 16 * 1024 * 1024,
  });
  if (result.error !== undefined) {
    throw result.error;
  }
  const printed = words[0] === 'elfgate' ? result.stdout : firstFatalLine(result.stderr, result.stdout);
  return `\x1b[36m$\x1b[39m \x1b[1m${words.join(' ')}\x1b[22m\n${printed}`;
}

/** Of a Go program that was killed by its runtime the first line, of others everything. */
function firstFatalLine(stderr: string, stdout: string): string {
  const fatal = stderr.split('\n').find((line) => line.startsWith('fatal error:'));
  return fatal === undefined ? `${stderr}${stdout}` : `${fatal}\n`;
}

function split(words: readonly string[], separator: string): readonly (readonly string[])[] {
  const at = words.indexOf(separator);
  if (at !== -1) {
    return [words.slice(0, at), ...split(words.slice(at + 1), separator)];
  }
  return words.length === 0 ? [] : [words];
}
