import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ArtifactName, artifact } from '../../lab/lab.ts';

/** Files that somebody may hand to plugin.Open, and that no compiler made. */
const makers = {
  'a text file': async (path: string) => writeFileSync(path, 'This is no plugin, whatever its name says.\n'.repeat(10)),
  'a short text file': async (path: string) => writeFileSync(path, 'no plugin\n'),
  'an empty file': async (path: string) => writeFileSync(path, ''),
  'a missing file': async () => {},
  'a directory': async (path: string) => mkdirSync(path),
  'a broken link': async (path: string) => symlinkSync('nowhere', path),
  'a link to the plugin': async (path: string) => symlinkSync(await pathOf('go/plugin'), path),
  'another name of the plugin': async (path: string) => {
    const original = `${path}.original`;
    copyFileSync(await pathOf('go/plugin'), original);
    linkSync(original, path);
  },
  'the first name of that plugin': async () => {},
  'a plugin with a slash behind its name': async () => {},
  'an ELF header alone': async (path: string) =>
    writeFileSync(path, readFileSync(await pathOf('go/plugin')).subarray(0, 64)),
} satisfies Record<string, (path: string) => Promise<void>>;

export type OddFile = keyof typeof makers;

let directory: string | undefined;
const made = new Map<OddFile, Promise<string>>();

/** The path of an odd file, made on first use. */
export function oddFile(name: OddFile): Promise<string> {
  const known = made.get(name) ?? make(name);
  made.set(name, known);
  return known;
}

async function make(name: OddFile): Promise<string> {
  if (name === 'the first name of that plugin') {
    return `${await oddFile('another name of the plugin')}.original`;
  }
  if (name === 'a plugin with a slash behind its name') {
    return `${await pathOf('go/plugin')}/`;
  }
  directory ??= mkdtempSync(join(tmpdir(), 'elfgate-test-'));
  const path = join(directory, `${name.replaceAll(' ', '-')}.so`);
  await makers[name](path);
  return path;
}

async function pathOf(name: ArtifactName): Promise<string> {
  const built = await artifact(name);
  if (!built.available) {
    throw new Error(built.reason);
  }
  return built.path;
}
