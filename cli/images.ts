import { tmpdir } from 'node:os';
import type { ImageAccess } from '../src/facts/inspected-target.ts';
import type { RegistrySettings } from '../src/image/registry/settings.ts';
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

/** @param configured what the configuration says about registries. */
export function imageAccess(
  { platform, plainHttp = [] }: ImageOptions,
  configured: readonly Pick<RegistrySettings, 'host' | 'plainHttp'>[],
  { env }: Surroundings,
): LazyImageAccess {
  let opened: Promise<ImageAccess> | undefined;
  let close = (): void => {};
  const open = async (): Promise<ImageAccess> => {
    const { registryClient } = await import('../src/image/registry/client.ts');
    const { anonymous } = await import('../src/image/registry/credentials.ts');
    const { parsePlatform } = await import('../src/image/platform.ts');
    const registries = registryClient({
      registries: settings(configured, plainHttp),
      credentials: anonymous,
      environment: env,
    });
    close = () => registries.close();
    return {
      platform: platform === undefined ? null : parsePlatform(platform),
      registries,
      temporaryDirectory: tmpdir(),
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

/** An option of the command line counts for more than the configuration. */
function settings(
  configured: readonly Pick<RegistrySettings, 'host' | 'plainHttp'>[],
  plainHttp: readonly string[],
): readonly RegistrySettings[] {
  const common = { ca: null, mirrors: [] };
  return [
    ...plainHttp.map((host) => ({ ...common, host, plainHttp: true })),
    ...configured.filter(({ host }) => !plainHttp.includes(host)).map((one) => ({ ...common, ...one })),
  ];
}
