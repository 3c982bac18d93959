import type { CoverageReport, LineRange } from '../src/policy/opa.ts';

/** Coverage as lcov's tracefile (geninfo(1), "FILES"), which editors and coverage services read. */
export function renderLcov(coverage: CoverageReport | null): string {
  return Object.entries(coverage?.files ?? {})
    .map(([file, { covered = [], not_covered = [] }]) => {
      // A line that holds several expressions is reached when one of them was.
      const hits = new Map([
        ...not_covered.flatMap(linesOf).map((line) => [line, 0] as const),
        ...covered.flatMap(linesOf).map((line) => [line, 1] as const),
      ]);
      const lines = [...hits].map(([line, hits]) => ({ line, hits })).sort((left, right) => left.line - right.line);
      const hit = lines.filter(({ hits }) => hits > 0).length;
      return [
        'TN:',
        // A line break would end the record.
        `SF:${file.replaceAll(/[\r\n]/g, ' ')}`,
        ...lines.map(({ line, hits }) => `DA:${line},${hits}`),
        `LF:${lines.length}`,
        `LH:${hit}`,
        'end_of_record',
        '',
      ].join('\n');
    })
    .join('');
}

function linesOf({ start, end }: LineRange): readonly number[] {
  return Array.from({ length: end.row - start.row + 1 }, (_, index) => start.row + index);
}
