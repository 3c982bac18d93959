import { ElfgateError } from '../src/errors.ts';
import { printable } from '../src/findings/printable.ts';
import { scanImage } from '../src/scan/scan-image.ts';
import { startScanWorker } from '../src/scan/scan-worker.ts';
import { numberOf, type ScanSetupOptions, scanSetup } from './scan-setup.ts';
import { usageError } from './shared-options.ts';
import type { ExitCode, Surroundings } from './surroundings.ts';

export interface ScanWorkerCommandOptions extends ScanSetupOptions {
  /** Seconds. */
  readonly lease: string;
}

/** `elfgate scan --worker --queue URL`: scans what others hand out, until SIGTERM or SIGINT. */
export async function scanWorkerCommand(
  targets: readonly string[],
  options: ScanWorkerCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  if (options.queue === undefined || targets.length > 0) {
    throw usageError(
      'a worker takes its images from a queue, and from nowhere else',
      'elfgate scan --worker --queue redis://localhost:6379',
    );
  }
  const { stderr } = surroundings;
  const say = (text: string): void => {
    if (options.quiet !== true) {
      stderr.write(`${printable(text)}\n`);
    }
  };
  const lease = numberOf(options.lease, '--lease');
  const setup = await scanSetup(options, surroundings);
  const { version, concurrency } = setup;
  try {
    const access = await setup.images.open();
    const worker = await startScanWorker({
      url: options.queue,
      version,
      concurrency,
      leaseMilliseconds: lease * 1000,
      scanImage: async (image) => scanImage(image, { access, policy: await setup.policy(), trust: setup.trust }),
      onDone: ({ name, digest }, milliseconds) => say(`scanned ${name} ${digest} in ${milliseconds.toFixed(0)} ms`),
      onFailed: ({ name, digest }, message, final) =>
        say(`${final ? 'failed' : 'failed, and will be tried again'}: ${name} ${digest}: ${message}`),
    });
    say(`waiting for images; policies ${version.slice(0, 12)}`);
    const lost = worker.lost.then(() => 'lost' as const);
    const ending = await Promise.race([lost, told()]);
    if (ending === 'lost') {
      throw new ElfgateError('unreachable', 'the connection to Redis was lost and does not come back');
    }
    const underWay = worker.underWay();
    say(
      underWay === 0 ? 'stopping' : `stopping: waits for ${underWay} ${underWay === 1 ? 'image' : 'images'} under way`,
    );
    await worker.stop();
    return 0;
  } finally {
    await setup.close();
  }
}

/** Settles when the process is told to stop. */
function told(): Promise<'told'> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve('told'));
    process.once('SIGINT', () => resolve('told'));
  });
}
