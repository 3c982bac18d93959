import { realpathSync } from 'node:fs';
import { directoryTree } from '../../image/directory.ts';
import { type HostRoot, readHost } from './host-process.ts';
import { emptyEnvironment, type LoaderEnvironment } from './library-search.ts';
import type { OpenPrediction } from './prediction.ts';
import { openPlugins } from './sequence.ts';

export interface PredictOptions {
  /** Directory that libraries are taken from; `null` for the running system's own root. */
  readonly root: string | null;
  /** What the environment of the host tells its loader; nothing where it is absent. */
  readonly environment?: LoaderEnvironment;
  /** Called before each file, for progress. */
  readonly onFile?: (path: string) => void;
}

/** What happens when a host opens plugins in an order. */
export interface SequencePrediction {
  readonly host: string;
  readonly loader: 'plugin.Open';
  readonly results: readonly OpenPrediction[];
}

/**
 * Predicts plugin.Open on each plugin, in this order, in one process of the host.
 *
 * A plugin that cannot be read has an outcome; a host that cannot be read is an error.
 *
 * @throws ElfgateError `unreadable` or `unsupported-format` for the host, `unreadable` for the root.
 * @throws FormatError for a host whose bytes contradict their format.
 */
export function predictPluginOpens(
  host: string,
  plugins: readonly string[],
  options: PredictOptions,
): SequencePrediction {
  const opened: { close(): void }[] = [];
  const close = (source: { close(): void }): void => {
    opened.push(source);
  };
  try {
    options.onFile?.(host);
    const file = readHost(host, close);
    const sequence = openPlugins(file, hostRoot(options), close);
    const results = plugins.map((plugin) => {
      options.onFile?.(plugin);
      return sequence.open(plugin);
    });
    return { host, loader: 'plugin.Open', results };
  } finally {
    for (const source of opened) {
      source.close();
    }
  }
}

function hostRoot({ root, environment = emptyEnvironment }: PredictOptions): HostRoot {
  const tree = directoryTree(root ?? '/');
  const prefix = realpathSync.native(root ?? '/').replace(/\/$/, '');
  return {
    tree,
    chosen: root !== null,
    environment,
    inside(path) {
      let real: string;
      try {
        real = realpathSync.native(path);
      } catch {
        return null;
      }
      return real.startsWith(`${prefix}/`) ? real.slice(prefix.length + 1) : null;
    },
  };
}
