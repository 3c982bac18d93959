import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { ElfgateError } from '../src/errors.ts';
import { painter } from '../src/findings/paint.ts';
import { printable } from '../src/findings/printable.ts';
import { type Severity, severities } from '../src/policy/rule-metadata.ts';
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

const styles = { error: 'red', warning: 'yellow', info: 'cyan' } as const;

/** An image with its errors and warnings; nothing for one without. Of a whole registry, infos are only counted. */
export function renderLine({ image, platform, findings, error }: ScanLine, color: boolean): string {
  const paint = painter(color);
  const open = findings.filter(({ exception, severity }) => exception === null && severity !== 'info');
  if (open.length === 0 && error === null) {
    return '';
  }
  const lines = [
    `${paint('bold', printable(image))}${platform === null ? '' : paint('dim', `  ${printable(platform)}`)}`,
  ];
  for (const { severity, rule, subject, message } of open.toSorted((a, b) => compareSeverity(a.severity, b.severity))) {
    lines.push(`  ${paint(styles[severity], `${severity}[${rule}]`)}: ${printable(`${subject.path}: ${message}`)}`);
  }
  if (error !== null) {
    lines.push(`  ${paint(['bold', 'red'], 'cannot decide')}: ${printable(error)}`);
  }
  return `${lines.join('\n')}\n\n`;
}

// Repositories in the table; the others are counted.
const mostRepositories = 30;

/**
 * The summaries as a table: a row for each repository, those with the most errors first, and one for all.
 *
 * @param artifacts that are no images.
 */
export function renderSummary(
  byRepository: ReadonlyMap<string, ScanSummary>,
  total: ScanSummary,
  artifacts: number,
  color: boolean,
): string {
  const paint = painter(color);
  const sorted = [...byRepository].sort(
    ([nameA, a], [nameB, b]) =>
      b.failed - a.failed ||
      b.findings.error - a.findings.error ||
      b.findings.warning - a.findings.warning ||
      (nameA < nameB ? -1 : 1),
  );
  const shown = sorted.slice(0, mostRepositories);
  const title = byRepository.size === 1 ? '1 repository' : `${byRepository.size} repositories`;
  const rows = [
    ['repository', ...columns.map(([name]) => name)],
    ...shown.map(([name, summary]) => [printable(name), ...columns.map(([, count]) => String(count(summary)))]),
    ...(byRepository.size > 1 ? [[title, ...columns.map(([, count]) => String(count(total)))]] : []),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row, index) => {
    const text = row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
    return index === 0 ? paint('dim', text) : index > shown.length ? paint('bold', text) : text;
  });
  if (sorted.length > shown.length) {
    lines.splice(1 + shown.length, 0, paint('dim', `and ${sorted.length - shown.length} more`));
  }
  if (artifacts > 0) {
    lines.push(paint('dim', `${artifacts} ${artifacts === 1 ? 'artifact is no image' : 'artifacts are no images'}`));
  }
  return `${lines.join('\n')}\n`;
}

const columns: readonly (readonly [name: string, count: (summary: ScanSummary) => number])[] = [
  ['images', ({ images }) => images],
  ['known before', ({ cached }) => cached],
  ['errors', ({ findings }) => findings.error],
  ['warnings', ({ findings }) => findings.warning],
  ['infos', ({ findings }) => findings.info],
  ['excepted', ({ excepted }) => excepted],
  ['undecided', ({ failed }) => failed],
];

function compareSeverity(a: Severity, b: Severity): number {
  return severities.indexOf(a) - severities.indexOf(b);
}
