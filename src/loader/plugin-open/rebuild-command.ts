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
  const environment = [
    `GOTOOLCHAIN=${version}`,
    'CGO_ENABLED=1',
    ...variables.flatMap((name) => {
      const value = settings.get(name);
      // What both have is mostly the default of the machine; an experiment never is.
      const isDefault = name !== 'GOEXPERIMENT' && sameSetting(name, model, plugin);
      return value === undefined || value === 'off' || isDefault ? [] : [`${name}=${quoted(value)}`];
    }),
  ];
  const options = flags.flatMap((name) => {
    const value = settings.get(name);
    return value === undefined || value === 'false' ? [] : [value === 'true' ? name : `${name}=${quoted(value)}`];
  });
  const same =
    version === toolchain(plugin) && [...flags, ...variables].every((name) => sameSetting(name, model, plugin));
  const modules = plugin?.build == null ? [] : differingModules(model.build, plugin.build);
  const notes: string[] = [];
  if (same && modules.length === 0 && !options.includes('-trimpath')) {
    // Nothing that is recorded differs: sources in another directory do, unless both are built with -trimpath.
    options.push('-trimpath');
    notes.push('the host with -trimpath as well');
  }
  // A replaced module is chosen in go.mod, not by go get.
  const [got, replaced] = [modules.filter((module) => !isReplaced(module)), modules.filter(isReplaced)];
  notes.push(...replaced.map(({ ours }) => `go.mod: ${ours.path} => ${builtFrom(ours)}`));
  const get =
    got.length === 0
      ? ''
      : `GOTOOLCHAIN=${version} go get ${got.map(({ ours }) => `${ours.path}@${ours.version}`).join(' ')} && `;
  const command = `${get}${[...environment, 'go', 'build', ...options, '-buildmode=plugin', '…'].join(' ')}`;
  return notes.length === 0 ? command : `${command}   (${notes.join('; ')})`;
}

function sameSetting(name: string, model: GoFile, plugin: GoFile | null): boolean {
  const [ours, theirs] = [model, plugin].map((go) => new Map(go?.build?.settings ?? []).get(name));
  return ours === theirs;
}

function toolchain(go: GoFile | null): string | null {
  return /^go1[.\w]*/.exec(go?.version?.text ?? '')?.[0] ?? null;
}

interface DifferingModule {
  readonly ours: GoModule;
  readonly theirs: GoModule;
}

function differingModules(model: BuildInformation, plugin: BuildInformation): readonly DifferingModule[] {
  const versions = new Map(model.deps.map((module) => [module.path, module]));
  return plugin.deps.flatMap((theirs) => {
    const ours = versions.get(theirs.path);
    return ours === undefined || builtFrom(ours) === builtFrom(theirs) ? [] : [{ ours, theirs }];
  });
}

function isReplaced({ ours, theirs }: DifferingModule): boolean {
  return ours.replace !== null || theirs.replace !== null;
}

/** A module that was replaced is built from its replacement: a version, or a directory, whose version says nothing. */
function builtFrom({ path, version, replace }: GoModule): string {
  const { path: source, version: chosen } = replace ?? { path, version };
  return chosen === '' || chosen === '(devel)' ? source : `${source}@${chosen}`;
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
