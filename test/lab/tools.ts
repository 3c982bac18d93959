/** The programs that recipes run: where they are, which version they are, and what to install when they are not there. */

import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type RunResult, runProgram } from './process.ts';

interface ToolDefinition {
  /** Debian's names of the packages; other distributions have similar ones. */
  readonly install: string;
  /** Commands of which the first line of output is part of the artifact's hash. */
  readonly identity: readonly (readonly [program: string, ...args: string[]])[];
  /** A capability rather than a program: what the identity command's output must contain. */
  readonly mustSay?: string;
  /** The recipes use it in a way that the kernel allows to the root user only. */
  readonly rootOnly?: true;
}

// What gcc makes depends on the linker and on the C library's start files and archives as well.
const linker = ['ld', '--version'] as const;
const glibc = ['ldd', '--version'] as const;

const definitions = {
  go: { install: 'golang-go # 1.21 or later', identity: [] },
  gcc: { install: 'gcc libc6-dev', identity: [['gcc', '--version'], linker, glibc] },
  'g++': { install: 'g++', identity: [['g++', '--version'], linker, glibc] },
  ar: { install: 'binutils', identity: [['ar', '--version']] },
  strip: { install: 'binutils', identity: [['strip', '--version']] },
  'musl-gcc': { install: 'musl-tools', identity: [['musl-gcc', '--version'], linker] },
  'aarch64-linux-gnu-gcc': {
    install: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
    identity: [['aarch64-linux-gnu-gcc', '--version']],
  },
  's390x-linux-gnu-gcc': {
    install: 'gcc-s390x-linux-gnu libc6-dev-s390x-cross',
    identity: [['s390x-linux-gnu-gcc', '--version']],
  },
  clang: { install: 'clang', identity: [['clang', '--version']] },
  ldconfig: { install: 'libc-bin', identity: [['ldconfig', '--version']], rootOnly: true },
  tar: { install: 'tar', identity: [['tar', '--version']] },
  debootstrap: { install: 'debootstrap', identity: [['debootstrap', '--version']], rootOnly: true },
  'ld -z pack-relative-relocs': {
    install: 'binutils # 2.38 or later',
    identity: [['ld', '--help']],
    mustSay: '-z pack-relative-relocs',
  },
} satisfies Record<string, ToolDefinition>;

export type Tool = keyof typeof definitions;

/** Finds programs in one search path, and remembers their versions in one file. */
export interface ToolBox {
  /** Absolute path of a program. @throws MissingTool */
  locate(program: string): string;
  /** What distinguishes this tool from its other versions. @throws MissingTool */
  identify(tool: Tool): Promise<readonly string[]>;
}

/** A tool is not on this machine; the message is one line that says what to install. */
export class MissingTool extends Error {}

/**
 * @param searchPath Directories separated by colons, as in PATH.
 * @param memory File in which version lines are kept, so that a run that finds everything in the cache starts no
 *   program. An entry holds as long as the program's path, size and time of change do.
 */
export function toolBox(searchPath: string, memory: string): ToolBox {
  const remembered = readMemory(memory);
  const locate = (program: string): string => {
    const found = find(program, searchPath);
    if (found === null) {
      throw missing(program, installHint(program));
    }
    return found;
  };

  const firstLine = async (program: string, args: readonly string[], mustSay: string | undefined): Promise<string> => {
    const path = locate(program);
    const status = statSync(realpathSync(path));
    const key = [path, status.size, status.mtimeMs, ...args, mustSay ?? ''].join('|');
    const known = remembered.get(key);
    if (known !== undefined) {
      return known;
    }
    const result = await runProgram(path, args, { environment: { PATH: searchPath, LC_ALL: 'C' } });
    const said = mustSay === undefined ? lineOf(result) : String(result.stdout.includes(mustSay));
    remembered.set(key, said);
    writeMemory(memory, remembered);
    return said;
  };

  const identify = async (tool: Tool): Promise<readonly string[]> => {
    const definition: ToolDefinition = definitions[tool];
    if (definition.rootOnly && process.getuid?.() !== 0) {
      throw new MissingTool(`${tool} can be used here by the root user only: run the build with sudo`);
    }
    const lines: string[] = [];
    for (const [program, ...args] of definition.identity) {
      if (find(program, searchPath) === null) {
        throw missing(program, definition.install);
      }
      const line = await firstLine(program, args, definition.mustSay);
      if (line === 'false' && definition.mustSay !== undefined) {
        throw missing(`"${tool}"`, definition.install);
      }
      lines.push(`${program}: ${line}`);
    }
    if (tool === 'go') {
      locate('go');
    }
    return lines;
  };

  return { locate, identify };
}

function lineOf(result: RunResult): string {
  return (result.stdout || result.stderr).split('\n', 1)[0] ?? '';
}

function installHint(program: string): string {
  const entry = Object.entries(definitions).find(([name]) => name === program);
  return entry?.[1].install ?? program;
}

function missing(program: string, install: string): MissingTool {
  return new MissingTool(`${program} is not on this machine: apt-get install ${install}`);
}

function find(program: string, searchPath: string): string | null {
  // ldconfig lies in a directory that ordinary users often do not have in their PATH.
  const directories = searchPath === '' ? [] : [...searchPath.split(':'), '/usr/sbin', '/sbin'];
  for (const directory of directories) {
    const candidate = join(directory, program);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) {
        return candidate;
      }
    } catch {
      // Not in this directory; the next one may have it.
    }
  }
  return null;
}

function readMemory(path: string): Map<string, string> {
  try {
    return new Map(Object.entries<string>(JSON.parse(readFileSync(path, 'utf8'))));
  } catch {
    // No memory, or a damaged one: ask the programs again.
    return new Map();
  }
}

function writeMemory(path: string, remembered: ReadonlyMap<string, string>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${Math.random().toString(36).slice(2)}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(temporary, JSON.stringify(Object.fromEntries(remembered), null, 2));
  renameSync(temporary, path);
}
