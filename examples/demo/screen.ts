/** How the demo looks on a terminal. */

import { styleText } from 'node:util';
import type { Happening } from './commands.ts';

type Style = Parameters<typeof styleText>[0];

/** One line of the closing table. */
export interface Row {
  readonly title: string;
  readonly says: string;
  readonly happened: string;
  /** Null when reality was not asked. */
  readonly agrees: boolean | null;
}

export type Screen = ReturnType<typeof screen>;

// Columns of the rules between scenes; elfgate's own lines are as long as they are.
const columns = 100;

export function screen(color: boolean) {
  const paint = (style: Style, text: string): string =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const mark = (agrees: boolean | null): string =>
    agrees === null ? paint('dim', '–') : agrees ? paint(['bold', 'green'], '✓') : paint(['bold', 'red'], '✗');

  return {
    introduction(directory: string): string {
      return [
        paint(
          'bold',
          'elfgate reads files and predicts what happens when they are loaded; then the real thing is run.',
        ),
        paint('dim', `commands are run in ${directory}, where elfgate is: node ../../cli/main.ts`),
      ].join('\n');
    },

    heading(number: number, title: string): string {
      const text = ` ${number}  ${title} `;
      return `\n${paint(['bold', 'black', 'bgCyan'], text)}${paint('cyan', '─'.repeat(columns - text.length))}\n`;
    },

    command(text: string): string {
      return `${paint('cyan', '$')} ${paint('bold', text)}`;
    },

    exitCode(code: number): string {
      return paint('dim', `exit ${code}`);
    },

    reality(happenings: readonly Happening[], agrees: boolean): string {
      const runs = happenings.flatMap(({ command, line, ending }) => [
        `${paint('magenta', '▌')} ${paint('magenta', '$')} ${paint('bold', command)}`,
        ...(line === '' ? [] : [`${paint('magenta', '▌')} ${line}`]),
        `${paint('magenta', '▌')} ${paint(ending.startsWith('exit') ? 'dim' : 'red', ending)}`,
      ]);
      return [
        `\n${paint('magenta', '▌ what really happens')}`,
        ...runs,
        `${mark(agrees)} ${agrees ? 'as elfgate said' : paint('red', 'not as elfgate said')}`,
      ].join('\n');
    },

    notRun(reason: string): string {
      return `\n${paint('magenta', '▌ what really happens')}\n${mark(null)} not run: ${reason}`;
    },

    missing(reason: string): string {
      return `${mark(null)} this scene cannot run here: ${reason}`;
    },

    undecided(reason: string): string {
      return `${reason}\n${mark(false)} elfgate could not decide`;
    },

    table(rows: readonly Row[]): string {
      const heads = { title: 'scene', says: 'elfgate says', happened: 'what really happened' };
      const width = (column: keyof typeof heads): number =>
        Math.max(heads[column].length, ...rows.map((row) => row[column].length));
      const [title, says, happened] = [width('title'), width('says'), width('happened')];
      const lines = rows.map((row, index) =>
        [
          paint('dim', String(index + 1).padStart(2)),
          row.title.padEnd(title),
          row.says.padEnd(says),
          row.happened.padEnd(happened),
          mark(row.agrees),
        ].join('  '),
      );
      const head = ['  ', heads.title.padEnd(title), heads.says.padEnd(says), heads.happened].join('  ');
      const rule = '─'.repeat(2 + title + says + happened + 1 + 4 * 2);
      return ['', paint('bold', head), paint('dim', rule), ...lines, paint('dim', rule)].join('\n');
    },

    conclusion(rows: readonly Row[]): string {
      const count = (agrees: boolean | null): number => rows.filter((row) => row.agrees === agrees).length;
      const [right, wrong, open] = [count(true), count(false), count(null)];
      const rest = open === 0 ? '' : paint('dim', `; ${open} could not be run on this machine`);
      if (wrong > 0) {
        return `${paint(['bold', 'red'], `${wrong} of ${right + wrong} verdicts disagreed with reality`)}${rest}`;
      }
      return right === 0
        ? `${paint('bold', 'nothing could be run on this machine')}`
        : `${paint(['bold', 'green'], `every verdict agreed with reality (${right} of ${right})`)}${rest}`;
    },
  };
}
