import type { GoFile } from '../../binary/go/go-file.ts';

/** What a file says of its own build, as far as a command can repeat it. */
export interface BuildRecord {
  /** As the toolchain wrote it: `go1.26.8`, with experiments behind it; `null` where it is not told. */
  readonly toolchain: string | null;
  /** Build settings, as `go version -m` names them; empty without build information. */
  readonly settings: ReadonlyMap<string, string>;
  readonly modules: readonly BuiltModule[];
}

export interface BuiltModule {
  readonly path: string;
  /** As `v1.2.3`, `(devel)`, or empty or `null` for what has none. */
  readonly version: string | null;
  readonly replace: { readonly path: string; readonly version: string | null } | null;
}

/** What a Go file says of its build; `null` for a file that holds no Go. */
export function buildRecord(go: GoFile): BuildRecord;
export function buildRecord(go: GoFile | null): BuildRecord | null;
export function buildRecord(go: GoFile | null): BuildRecord | null {
  return go === null
    ? null
    : {
        toolchain: go.version?.text ?? null,
        settings: new Map(go.build?.settings),
        modules: go.build?.deps ?? [],
      };
}

// Settings that change package hashes, as `go version -m` names them. -ldflags change none.
const flags = ['-race', '-msan', '-asan', '-trimpath', '-tags', '-gcflags', '-asmflags', '-pgo'];
// What both builds have alike is what the builder's machine or settings give without being asked.
const variables = ['GOOS', 'GOARCH', 'GOAMD64', 'GOARM64', 'GOARM', 'GO386', 'GOFIPS140'];

/**
 * The command that builds a plugin as its host (or an earlier plugin) was built: the versions of modules that both use,
 * the toolchain, the settings. `null` where the model does not say how it was built.
 *
 * Everything in it that a file said is quoted for a POSIX shell.
 *
 * @param advice What else has to be different, for people.
 */
export function rebuildCommand(
  model: BuildRecord | null,
  plugin: BuildRecord | null,
  advice: readonly string[] = [],
): string | null {
  const toolchain = releaseOf(model);
  if (model === null || toolchain === null || model.settings.size === 0) {
    return null;
  }
  const options = optionsOf(model);
  const modules = plugin === null ? [] : differingModules(model, plugin);
  const notes = [...advice];
  if (!options.includes('-trimpath')) {
    const settings = [...flags, ...variables, 'GOEXPERIMENT'];
    const same = toolchain === releaseOf(plugin) && settings.every((name) => isSame(name, model, plugin));
    if (same && modules.length === 0 && advice.length === 0) {
      // Nothing that is recorded differs: sources in another directory do, unless both are built with -trimpath.
      options.push('-trimpath');
      notes.push('the host with -trimpath as well');
    } else if (plugin?.settings.get('-trimpath') === 'true') {
      notes.push("in the host's directory, or both with -trimpath");
    }
  }
  if (modules.some(({ ours }) => ours.replace !== null && !isVersion(ours.replace.version))) {
    notes.push("directories of replacements are those of the host's module");
  }
  const build = [...environmentOf(toolchain, model, plugin), 'go', 'build', ...options, '-buildmode=plugin', '…'];
  return annotated([...alignments(toolchain, modules), build.join(' ')].join(' && '), notes);
}

/** The command that builds a host again, so that it can open plugins. */
export function rebuildHostCommand(host: BuildRecord, advice: readonly string[]): string {
  const toolchain = releaseOf(host);
  const mode = host.settings.get('-buildmode') === 'pie' ? ['-buildmode=pie'] : [];
  const command = [...environmentOf(toolchain, host, null), 'go', 'build', ...optionsOf(host), ...mode, '…'];
  return annotated(command.join(' '), ['the host', ...advice]);
}

function annotated(command: string, notes: readonly string[]): string {
  return notes.length === 0 ? command : `${command}   (${notes.join('; ')})`;
}

function environmentOf(
  toolchain: string | null,
  { settings }: BuildRecord,
  plugin: BuildRecord | null,
): readonly string[] {
  const assignment = (name: string): string[] => {
    const value = settings.get(name);
    return value === undefined || value === '' || value === 'off' ? [] : [`${name}=${quoted(value)}`];
  };
  const differs = (name: string): boolean =>
    plugin !== null && plugin.settings.size > 0 && settings.get(name) !== plugin.settings.get(name);
  return [
    ...(toolchain === null ? [] : [`GOTOOLCHAIN=${toolchain}`]),
    'CGO_ENABLED=1',
    ...variables.filter(differs).flatMap(assignment),
    ...assignment('GOEXPERIMENT'),
  ];
}

function optionsOf({ settings }: BuildRecord): string[] {
  return flags.flatMap((name) => {
    const value = settings.get(name);
    return value === undefined || value === '' || value === 'false'
      ? []
      : [value === 'true' ? name : `${name}=${quoted(value)}`];
  });
}

interface DifferingModule {
  readonly ours: BuiltModule;
  readonly theirs: BuiltModule;
}

function differingModules(model: BuildRecord, plugin: BuildRecord): readonly DifferingModule[] {
  const known = new Map(model.modules.map((module) => [module.path, module]));
  return plugin.modules.flatMap((theirs) => {
    const ours = known.get(theirs.path);
    return ours === undefined || builtFrom(ours) === builtFrom(theirs) ? [] : [{ ours, theirs }];
  });
}

/** A module that was replaced is built from its replacement: a version, or a directory, whose version says nothing. */
export function builtFrom({ path, version, replace }: BuiltModule): string {
  const source = replace ?? { path, version };
  return isVersion(source.version) ? `${source.path}@${source.version}` : source.path;
}

/** Commands that make the plugin's go.mod choose what the host was built from: go-mod-edit, then go-get. */
function alignments(toolchain: string, modules: readonly DifferingModule[]): readonly string[] {
  const edits = modules
    .filter(({ ours, theirs }) => ours.replace !== null || theirs.replace !== null)
    .flatMap(({ ours, theirs }) => [
      // A replacement may name the version that it is for; to drop one that is not there is no error.
      ...(theirs.replace === null ? [] : [`-dropreplace=${theirs.path}`]),
      ...(theirs.replace === null || !isVersion(theirs.version)
        ? []
        : [`-dropreplace=${theirs.path}@${theirs.version}`]),
      ...(isVersion(ours.version) ? [`-require=${ours.path}@${ours.version}`] : []),
      ...(ours.replace === null ? [] : [`-replace=${ours.path}=${builtFrom(ours)}`]),
    ]);
  const got = modules
    .map(({ ours }) => ours)
    // A directory is not fetched.
    .filter(({ version, replace }) => isVersion(version) && (replace === null || isVersion(replace.version)))
    .map(({ path, version }) => quoted(`${path}@${version}`));
  return [
    ...(edits.length === 0 ? [] : [`go mod edit ${edits.map(quoted).join(' ')}`]),
    ...(got.length === 0 ? [] : [`GOTOOLCHAIN=${toolchain} go get ${got.join(' ')}`]),
  ];
}

function isVersion(version: string | null): boolean {
  return version?.startsWith('v') === true;
}

function isSame(name: string, model: BuildRecord, plugin: BuildRecord | null): boolean {
  return model.settings.get(name) === plugin?.settings.get(name);
}

/** Without the experiments, which stand behind the release and are a setting. */
function releaseOf(build: BuildRecord | null): string | null {
  return /^go1[.\w]*/.exec(build?.toolchain ?? '')?.[0] ?? null;
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
