/** Which files of a layer are worth their bytes: binaries, and what tells how a root file system loads them. */
export interface KeptFiles {
  /** By the first bytes, of which there are {@link startBytes}, or as many as the file has. */
  isBinary(start: Buffer): boolean;
}

/** Bytes that show what a file is. */
export const startBytes = 8;

// Read by name, wherever a distribution puts them: many are links into other directories.
const names: ReadonlySet<string> = new Set([
  'nsswitch.conf',
  'os-release',
  'passwd',
  'group',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.preload',
  'plugins.yaml',
  'plugins.yml',
]);

/** Whether rules or the loader's prediction read this file by its name. */
export function isReadByName(path: string): boolean {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  return (
    names.has(name) ||
    // Nix and others put a hash before it, and link to that.
    name.endsWith('-nsswitch.conf') ||
    (name.startsWith('ld-musl-') && name.endsWith('.path')) ||
    (name.endsWith('.conf') && path.slice(0, slash).endsWith('ld.so.conf.d'))
  );
}
