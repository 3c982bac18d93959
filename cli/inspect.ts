import { documentsOfTargets } from './documents.ts';
import { type ImageOptions, imageAccess } from './images.ts';
import { jsonPieces } from './json-pieces.ts';
import { usesColor, writeOutput } from './output.ts';
import { reportProblems } from './problems.ts';
import { startProgress } from './progress.ts';
import type { SharedOptions } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface InspectOptions extends SharedOptions, ImageOptions {
  readonly symbols?: boolean;
}

/** `elfgate inspect TARGET…`: one document, or `{ "targets": [ … ] }` for several targets. */
export async function inspectCommand(
  targets: readonly string[],
  options: InspectOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const progress = startProgress(options, surroundings, Date.now);
  const images = imageAccess(options, [], surroundings);
  const documents = await documentsOfTargets(
    targets.map((name) => ({ name, role: null })),
    { symbols: options.symbols === true ? 'listed' : 'counted', onFile: progress.file },
    images,
  ).finally(() => {
    progress.end();
    images.close();
  });
  const [only, ...others] = documents;
  if (options.output === 'json') {
    const output = others.length === 0 ? only : { targets: documents };
    await writeOutput(jsonPieces(output), options, surroundings);
  } else {
    const { renderFacts } = await import('./inspect-text.ts');
    const color = usesColor(options.color, surroundings.env, surroundings.stdout);
    await writeOutput(renderFacts(documents, { color, symbols: options.symbols === true }), options, surroundings);
  }
  return reportProblems(documents, options, surroundings) ? 2 : 0;
}
