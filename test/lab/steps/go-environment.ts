/** The environment of Go builds: nothing of the developer's settings but where downloads and caches are. */

import { runProgram } from '../process.ts';
import { MissingTool, type ToolBox } from '../tools.ts';

const keptSettings = ['GOPROXY', 'GOSUMDB', 'GONOSUMDB', 'GONOPROXY', 'GOPRIVATE', 'GOMODCACHE', 'GOCACHE', 'GOPATH'];
const keptVariables = [
  'HOME',
  'TMPDIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];
const downloadTimeout = 5 * 60 * 1000;

const environments = new Map<string, Promise<Record<string, string>>>();

/** @throws MissingTool when Go is missing, is too old to fetch other toolchains, or cannot fetch this one. */
export function goEnvironment(
  toolchain: string,
  tools: ToolBox,
  searchPath: string,
): Promise<Readonly<Record<string, string>>> {
  const key = `${toolchain}|${searchPath}`;
  const known = environments.get(key);
  if (known !== undefined) {
    return known;
  }
  const environment = makeEnvironment(toolchain, tools.locate('go'), searchPath);
  environments.set(key, environment);
  return environment;
}

async function makeEnvironment(toolchain: string, go: string, searchPath: string): Promise<Record<string, string>> {
  const inherited = Object.fromEntries(
    keptVariables.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const settings = await runProgram(go, ['env', '-json', ...keptSettings], {
    environment: { ...onlySet(process.env, keptSettings), ...inherited, PATH: searchPath, GOTOOLCHAIN: 'local' },
  });
  const environment: Record<string, string> = {
    ...inherited,
    PATH: searchPath,
    LC_ALL: 'C',
    ...JSON.parse(settings.stdout),
    // An empty GOFLAGS falls back to the user's `go env -w` file, so the file is switched off as well.
    GOENV: 'off',
    GOFLAGS: '',
    GOWORK: 'off',
    GO111MODULE: 'on',
    GOTELEMETRY: 'off',
    GOTOOLCHAIN: `go${toolchain}`,
  };
  const version = await runProgram(go, ['version'], { environment, timeout: downloadTimeout });
  // Go before 1.21 ignores GOTOOLCHAIN and would build with itself.
  if (version.exitCode !== 0 || !version.stdout.includes(` go${toolchain} `)) {
    const why = (version.stderr || version.stdout).trim().split('\n').at(-1) ?? '';
    throw new MissingTool(
      `the toolchain go${toolchain} is not on this machine: install Go 1.21 or later and allow it to download (${why})`,
    );
  }
  return environment;
}

function onlySet(from: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = from[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
