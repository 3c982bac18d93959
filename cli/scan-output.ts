import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { ElfgateError } from '../src/errors.ts';
import { painter } from '../src/findings/paint.ts';
import { printable } from '../src/findings/printable.ts';
import type { ScanLine } from '../src/scan/scan.ts';
import type { ScanSummary } from '../src/scan/scan-summary.ts';
import type { SharedOptions } from './shared-options.ts';
import type { Surroundings } from './surroundings.ts';

/** Writes text as it comes, to standard output or to `--output-file`. */
export interface TextWriter {
  /** @returns whether anybody still reads: the reader of a pipe may have seen enough. */
  write(text: string): Promise<boolean>;
  end(): Promise<void>;
}

export function textWriter({ outputFile }: SharedOptions, { stdout }: Surroundings): TextWriter {
  const stream = outputFile === undefined ? stdout : createWriteStream(outputFile);
  let failure: Error | null = null;
  stream.on('error', (error) => {
    failure = error;
  });
  const check = (): boolean => {
    if (failure === null) {
      return true;
    }
    if ('code' in failure && failure.code === 'EPIPE') {
      return false;
    }
    throw new ElfgateError('unreadable', `${outputFile ?? 'standard output'}: cannot be written`, {
      hint: 'check that the directory exists and may be written to',
      cause: failure,
    });
  };
  return {
    async write(text) {
      if (check() && !stream.write(text)) {
        await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {});
      }
      return check();
    },
    async end() {
      if (outputFile !== undefined) {
        await new Promise<void>((resolve) => {
          stream.once('error', () => resolve());
          stream.end(() => resolve());
        });
      }
      check();
    },
  };
}

/** An image with what was found in it; nothing for one without findings. */
export function renderLine({ image, platform, findings, error }: ScanLine, color: boolean): string {
  const paint = painter(color);
  const open = findings.filter(({ exception }) => exception === null);
  if (open.length === 0 && error === null) {
    return '';
  }
  const lines = [paint('bold', printable(`${image}${platform === null ? '' : ` (${platform})`}`))];
  for (const { severity, rule, subject, message } of open) {
    const style = severity === 'error' ? 'red' : severity === 'warning' ? 'yellow' : 'cyan';
    lines.push(`  ${paint(style, `${severity}[${rule}]`)}: ${printable(`${subject.path}: ${message}`)}`);
  }
  if (error !== null) {
    lines.push(`  ${paint('red', 'cannot decide')}: ${printable(error)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The summary as a table of one row. */
export function renderSummary(summary: ScanSummary, artifacts: number): string {
  const columns: readonly (readonly [string, number])[] = [
    ['images', summary.images],
    ['cached', summary.cached],
    ['with findings', summary.withFindings],
    ['errors', summary.findings.error],
    ['warnings', summary.findings.warning],
    ['infos', summary.findings.info],
    ['excepted', summary.excepted],
    ['undecided', summary.failed],
    ['no images', artifacts],
  ];
  const head = columns.map(([name, count]) => name.padStart(String(count).length)).join('  ');
  const row = columns.map(([name, count]) => String(count).padStart(name.length)).join('  ');
  return `${head}\n${row}\n`;
}
