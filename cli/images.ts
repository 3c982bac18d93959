import { tmpdir } from 'node:os';
import type { ImageAccess } from '../src/facts/inspected-target.ts';
import type { FactsStore } from '../src/facts/store/facts-store.ts';
import type { Pace } from '../src/image/registry/pace.ts';
import type { ConfiguredRegistry } from '../src/image/registry/settings.ts';
import type { Surroundings } from './surroundings.ts';

/** Options of every command that takes images. */
export interface ImageOptions {
  readonly platform?: string;
  /** Hosts of registries. */
  readonly plainHttp?: readonly string[];
}

/** Reads images when the first one is named; a run without images loads nothing of it. */
export interface LazyImageAccess {
  open(): Promise<ImageAccess>;
  /** Ends idle connections, which would keep the process from ending. */
  close(): void;
}

/**
 * @param configured what the configuration says about registries.
 * @param pace how hard each registry may be asked, where that is not left to the client.
 */
export function imageAccess(
  { platform, plainHttp = [] }: ImageOptions,
  configured: readonly ConfiguredRegistry[],
  { env }: Surroundings,
  pace: Pace | null = null,
): LazyImageAccess {
  let opened: Promise<ImageAccess> | undefined;
  let close = (): void => {};
  const open = async (): Promise<ImageAccess> => {
    const { registryClient } = await import('../src/image/registry/client.ts');
    const { dockerConfigFiles, dockerCredentials } = await import('../src/image/registry/docker-config.ts');
    const { registrySettings } = await import('../src/image/registry/settings.ts');
    const { parsePlatform } = await import('../src/image/platform.ts');
    const registries = registryClient({
      registries: registrySettings(configured, plainHttp),
      credentials: dockerCredentials(dockerConfigFiles(env), env),
      environment: env,
      ...(pace === null ? {} : { pace }),
    });
    const store = openedLate(async () => (await import('./facts-on-disk.ts')).factsOnDisk(env));
    close = () => {
      registries.close();
      store.close();
    };
    return {
      platform: platform === undefined ? null : parsePlatform(platform),
      registries,
      temporaryDirectory: tmpdir(),
      store,
    };
  };
  return {
    open() {
      opened ??= open();
      return opened;
    },
    close: () => close(),
  };
}

/** A store that is opened when it is first asked: an image whose facts are attested needs none. */
function openedLate(open: () => Promise<FactsStore>): FactsStore {
  let opened: Promise<FactsStore> | undefined;
  const store = (): Promise<FactsStore> => {
    opened ??= open();
    return opened;
  };
  return {
    read: async (subject) => (await store()).read(subject),
    readRoot: async (subject) => (await store()).readRoot(subject),
    write: async (subject, contents, root) => (await store()).write(subject, contents, root),
    // Whoever asked a store that cannot be opened was told so.
    close: () =>
      void opened?.then(
        (known) => known.close(),
        () => {},
      ),
  };
}
