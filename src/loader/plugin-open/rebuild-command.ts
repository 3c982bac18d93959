import type { BuildInformation, GoModule } from '../../binary/go/build-information.ts';
import type { GoFile } from '../../binary/go/go-file.ts';

// Settings that change package hashes, as `go version -m` names them. -ldflags change none.
const flags = ['-race', '-msan', '-asan', '-trimpath', '-tags', '-gcflags', '-asmflags'];
const variables = ['GOOS', 'GOARCH', 'GOAMD64', 'GOARM64', 'GOARM', 'GOEXPERIMENT', 'GOFIPS140'];

/**
 * The command that builds a plugin as its host (or an earlier plugin) was built: toolchain, settings, and the module
 * versions that differ. `null` where the model does not say how it was built.
 */
export function rebuildCommand(model: GoFile | null, plugin: GoFile | null): string | null {
  const version = toolchain(model);
  if (model?.build == null || version === null) {
    return null;
  }
  const settings = new Map(model.build.settings);
  const experiments = settings.get('GOEXPERIMENT');
  const environment = [
    `GOTOOLCHAIN=${version}`,
    'CGO_ENABLED=1',
    ...variables.flatMap((name) => {
      const value = name === 'GOEXPERIMENT' ? experiments : settings.get(name);
      const theirs = new Map(plugin?.build?.settings ?? []).get(name);
      return value === undefined || value === theirs || value === 'off' ? [] : [`${name}=${quoted(value)}`];
    }),
  ];
  const options = flags.flatMap((name) => {
    const value = settings.get(name);
    return value === undefined || value === 'false' ? [] : [value === 'true' ? name : `${name}=${quoted(value)}`];
  });
  const same =
    version === toolchain(plugin) && [...flags, ...variables].every((name) => sameSetting(name, model, plugin));
  const wanted = plugin?.build == null ? [] : otherVersions(model.build, plugin.build);
  if (same && wanted.length === 0 && !options.includes('-trimpath')) {
    // Nothing that is recorded differs: sources in another directory do, unless both are built with -trimpath.
    options.push('-trimpath');
  }
  const get = wanted.length === 0 ? '' : `GOTOOLCHAIN=${version} go get ${wanted.join(' ')} && `;
  return `${get}${[...environment, 'go', 'build', ...options, '-buildmode=plugin', '…'].join(' ')}`;
}

function sameSetting(name: string, model: GoFile, plugin: GoFile | null): boolean {
  const [ours, theirs] = [model, plugin].map((go) => new Map(go?.build?.settings ?? []).get(name));
  return ours === theirs;
}

function toolchain(go: GoFile | null): string | null {
  return /^go1[.\w]*/.exec(go?.version?.text ?? '')?.[0] ?? null;
}

function otherVersions(model: BuildInformation, plugin: BuildInformation): readonly string[] {
  const versions = new Map(model.deps.map((module) => [module.path, module]));
  return plugin.deps.flatMap((module) => {
    const ours = versions.get(module.path);
    // A replaced module is chosen in go.mod, not by go get.
    return ours === undefined || replaced(ours) || replaced(module) || ours.version === module.version
      ? []
      : [`${ours.path}@${ours.version}`];
  });
}

function replaced({ replace }: GoModule): boolean {
  return replace !== null;
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
