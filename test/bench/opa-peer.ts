import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../cli/directories.js';
import { opaHome } from '../../src/policy/opa-sources.ts';

/** The opa program of the version in `src/policy/opa/go.mod`, built for this machine. */
export function opaPeer(): string {
  const version = /opa (v[\d.]+)/.exec(readFileSync(join(opaHome, 'go.mod'), 'utf8'))?.[1] ?? '';
  const directory = join(cacheDirectory(process.env), 'bench', `opa-${version}`);
  const program = join(directory, 'opa');
  if (!existsSync(program)) {
    mkdirSync(directory, { recursive: true });
    const environment = { ...process.env, GOBIN: directory, CGO_ENABLED: '0', GOFLAGS: '' };
    execFileSync('go', ['install', `github.com/open-policy-agent/opa@${version}`], {
      env: environment,
      stdio: 'inherit',
    });
  }
  return program;
}
