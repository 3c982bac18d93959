import { type Part, recordingSource } from '../bytes/partial-source.ts';
import { bytesOf, encodeKeptRoot } from '../image/kept-root.ts';
import type { KeptContent } from '../image/layers/file-contents.ts';
import type { ImageTree } from '../image/layers/image-tree.ts';
import { lookUp } from '../image/layers/merged-tree.ts';
import { limits } from '../limits.ts';
import { type FileKind, readAsLoader } from '../loader/plugin-open/loader-reads.ts';
import type { InspectedBinary } from './binary-facts.ts';

/**
 * Keeps of an image's root what following plugin.Open reads of it, so that its hosts and plugins can meet those of other
 * images when its files are gone: every path, and of hosts, plugins and libraries the tables that loaders look at.
 *
 * @returns `null` for an image without hosts and plugins, and for roots that are too large.
 */
export function keepRoot(tree: ImageTree, binaries: readonly InspectedBinary[]): Buffer | null {
  const partsOf = new Map<KeptContent, readonly Part[]>();
  let left: number = limits.keptPartsBytes;
  const keep = (content: KeptContent, parts: readonly Part[]): void => {
    const bytes = bytesOf(parts);
    // What finds no room is not known later, and never taken for absent.
    if (bytes <= left) {
      left -= bytes;
      partsOf.set(content, parts);
    }
  };
  for (const content of textsOfLoader(tree)) {
    keep(content, [{ offset: 0, length: content.size }]);
  }
  for (const kind of ['loader', 'host', 'plugin', 'library'] as const) {
    for (const { facts } of binaries) {
      const content = kindOf(facts) === kind ? tree.contentOf(facts.path) : null;
      if (content !== null && !partsOf.has(content)) {
        const { source, parts } = recordingSource(content.source(facts.path));
        readAsLoader(source, kind);
        keep(content, parts());
      }
    }
  }
  return encodeKeptRoot(tree.root, partsOf);
}

/** `null` for what no loader finds by its name alone: modules of other programs have no soname, and names of their own. */
function kindOf({ role, elf, path }: InspectedBinary['facts']): FileKind | null {
  if (role !== null || elf?.type !== 'dyn') {
    return role;
  }
  const name = path.slice(path.lastIndexOf('/') + 1);
  // ld-linux-x86-64.so.2, ld64.so.1, ld.so.1, ld-2.31.so
  return /^ld[-.6]/.test(name) ? 'loader' : elf.soname !== null || name.startsWith('lib') ? 'library' : null;
}

/** Files that tell the loader where to look, and what to load ahead (ld.so(8); musl's `ldso/dynlink.c`). */
function textsOfLoader(tree: ImageTree): readonly KeptContent[] {
  const directory = lookUp(tree.root, 'etc')?.node;
  const names = directory?.kind === 'directory' ? [...directory.children.keys()] : [];
  return names
    .filter((name) => /^(?:ld\.so\.(?:cache|preload)|ld-musl-.*\.path)$/.test(name))
    .flatMap((name) => {
      const found = tree.resolve(`etc/${name}`);
      return found?.kind === 'file' ? (tree.contentOf(found.path) ?? []) : [];
    });
}
