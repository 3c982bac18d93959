/** The step that makes a Debian root file system with the machine's own mirror. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../process.ts';
import type { DebianStep } from '../recipe.ts';
import { MissingTool } from '../tools.ts';
import type { Workplace } from './command.ts';

// A small root is 120 packages, which a slow mirror delivers in some minutes.
const timeout = 15 * 60 * 1000;

/** @throws MissingTool when this machine has no Debian mirror, or the mirror does not have the suite. */
export async function makeDebianRoot(step: DebianStep, place: Workplace): Promise<void> {
  const result = await runProgram(
    place.tools.locate('debootstrap'),
    ['--variant=minbase', `--include=${step.packages.join(',')}`, step.suite, place.output, debianMirror()],
    { environment: { PATH: `${place.searchPath}:/usr/sbin:/sbin`, LC_ALL: 'C' }, timeout },
  );
  if (result.exitCode !== 0) {
    const [last = ''] = `${result.stdout}${result.stderr}`.trimEnd().split('\n').slice(-1);
    throw new MissingTool(`a root of Debian ${step.suite} cannot be had from this machine's mirror: ${last}`);
  }
}

/** Where the machine itself takes its packages from: sources.list(5), in the old or the deb822 form. */
function debianMirror(): string {
  const directory = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...namesIn(directory).map((name) => join(directory, name))];
  for (const file of files.filter((name) => /\.(?:list|sources)$/.test(name))) {
    const [, uri] = /^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(\S+\/debian\/?)(?:\s|$)/m.exec(textOf(file)) ?? [];
    if (uri !== undefined) {
      return uri;
    }
  }
  throw new MissingTool('this machine has no Debian mirror in /etc/apt, from which a root file system could be made');
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    // Other distributions have no such directory.
    return [];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
