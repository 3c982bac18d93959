import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ElfgateError } from '../src/errors.ts';
import type { FailOn } from '../src/findings/report-context.ts';
import { matchesPattern } from '../src/policy/configuration/exceptions.ts';
import { type ScanOptions as ScanJob, type ScanLine, scan } from '../src/scan/scan.ts';
import { scanImage } from '../src/scan/scan-image.ts';
import { scanState } from '../src/scan/scan-state.ts';
import { emptySummary, type ScanSummary, withLine } from '../src/scan/scan-summary.ts';
import { parseScanTarget, type ScanTarget } from '../src/scan/scan-target.ts';
import { cacheDirectory } from './directories.js';
import { usesColor } from './output.ts';
import { renderLine, renderSummary, textWriter } from './scan-output.ts';
import { scanProgress } from './scan-progress.ts';
import { type ScanSetup, type ScanSetupOptions, scanSetup } from './scan-setup.ts';
import { usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface ScanOptions extends ScanSetupOptions {
  readonly tags?: readonly string[];
  readonly state?: string;
  readonly failOn: FailOn;
  readonly output: 'text' | 'jsonl';
}

/** `elfgate scan REGISTRY[/REPOSITORY]…`: a line an image, as soon as it and those before it are done. */
export async function scanCommand(
  names: readonly string[],
  options: ScanOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (names.length === 0) {
    throw usageError('scan needs at least one target', 'elfgate scan registry.example.com/team');
  }
  // Read before anything is asked for: a mistake in the last one shows at once.
  const targets = names.map((name) => (name === '-' ? '-' : parseScanTarget(name)));
  const setup = await scanSetup(options, surroundings);
  try {
    return await scanTargets(names, targets, options, setup, surroundings);
  } finally {
    await setup.close();
  }
}

async function scanTargets(
  names: readonly string[],
  targets: readonly (ScanTarget | '-')[],
  options: ScanOptions,
  setup: ScanSetup,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const state = scanState(options.state ?? join(cacheDirectory(surroundings.env), 'scan.sqlite'), setup.version);
  const access = await setup.images.open();
  const workplace = await workplaceOf(options, setup, surroundings).catch((error: unknown) => {
    state.close();
    throw error;
  });
  try {
    const { tags = [] } = options;
    const { summary, artifacts } = await report(
      targetsOf(targets, surroundings),
      {
        registries: access.registries,
        platform: access.platform,
        isWanted: (tag) => tags.length === 0 || tags.some((pattern) => matchesPattern(pattern, tag)),
        state,
        scanImage: workplace.scanImage,
        concurrency: workplace.concurrency,
        judge: { configuration: setup.configuration, inForce: setup.inForce, today: new Date() },
      },
      options,
      surroundings,
    );
    if (summary.images === 0) {
      throw new ElfgateError('not-found', `${names.join(', ')}: there is no image to scan`, {
        hint: artifacts === 0 ? 'check the name and --tags' : `${artifacts} artifacts there are no images`,
      });
    }
    return summary.failed > 0 ? 2 : fails(summary, options.failOn) ? 1 : 0;
  } finally {
    await workplace.close();
    state.close();
  }
}

/** Where images are scanned: in this process, or by the workers of a queue. */
interface Workplace extends Pick<ScanJob, 'scanImage' | 'concurrency'> {
  close(): Promise<void>;
}

async function workplaceOf(options: ScanOptions, setup: ScanSetup, surroundings: Surroundings): Promise<Workplace> {
  if (options.queue === undefined) {
    const access = await setup.images.open();
    const { concurrency, trust } = setup;
    const policy = await setup.policy();
    return { scanImage: (image) => scanImage(image, { access, policy, trust }), concurrency, close: async () => {} };
  }
  const { scanQueue } = await import('../src/scan/scan-queue.ts');
  const { stderr } = surroundings;
  const queue = await scanQueue(options.queue, setup.version, () => {
    if (options.quiet !== true) {
      stderr.write(`  = no worker takes images: elfgate scan --worker --queue URL, with the same policies\n`);
    }
  });
  // As many wait at the queue as a few dozen workers can take.
  return { scanImage: queue.scanImage, concurrency: 64, close: () => queue.close() };
}

async function report(
  targets: AsyncIterable<ScanTarget>,
  job: ScanJob,
  options: ScanOptions,
  surroundings: Surroundings,
): Promise<{ readonly summary: ScanSummary; readonly artifacts: number }> {
  const { env, stdout, stderr } = surroundings;
  const color = options.outputFile === undefined && usesColor(options.color, env, stdout);
  const writer = textWriter(options, surroundings);
  const progress = scanProgress(options, surroundings, () => performance.now());
  let summary = emptySummary;
  const byRepository = new Map<string, ScanSummary>();
  let artifacts = 0;
  const onArtifact = (): void => {
    artifacts += 1;
  };
  const scanImage: ScanJob['scanImage'] = async (image) => {
    progress.begin(image.name);
    try {
      return await job.scanImage(image);
    } finally {
      progress.end(image.name);
    }
  };
  // What goes elsewhere does not meet the progress.
  const sameTerminal = options.outputFile === undefined && stdout.isTTY === true;
  try {
    for await (const line of scan(targets, { ...job, scanImage, onArtifact })) {
      summary = withLine(summary, line);
      const repository = repositoryOf(line);
      byRepository.set(repository, withLine(byRepository.get(repository) ?? emptySummary, line));
      progress.done(summary);
      const text = options.output === 'jsonl' ? `${JSON.stringify(line)}\n` : renderLine(line, color);
      if (text === '') {
        continue;
      }
      if (sameTerminal) {
        await progress.clear();
      }
      if (!(await writer.write(text))) {
        break;
      }
    }
  } finally {
    await progress.close();
  }
  const ofText = options.output === 'text';
  const table = renderSummary(byRepository, summary, artifacts, ofText ? color : usesColor(options.color, env, stderr));
  if (ofText) {
    await writer.write(table);
  } else if (options.quiet !== true) {
    stderr.write(table);
  }
  await writer.end();
  return { summary, artifacts };
}

async function* targetsOf(targets: readonly (ScanTarget | '-')[], { stdin }: Surroundings): AsyncGenerator<ScanTarget> {
  for (const target of targets) {
    if (target !== '-') {
      yield target;
      continue;
    }
    for await (const line of createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      const text = line.trim();
      if (text !== '' && !text.startsWith('#')) {
        yield parseScanTarget(text);
      }
    }
  }
}

function fails({ findings }: ScanSummary, failOn: FailOn): boolean {
  return failOn !== 'never' && (findings.error > 0 || (failOn === 'warning' && findings.warning > 0));
}

/** `registry.example.com/team/app:1.2` → `registry.example.com/team/app` */
function repositoryOf({ image }: ScanLine): string {
  return image.replace(/(?:@.*|:[^/:]*)$/, '');
}
