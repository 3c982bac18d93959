import { stretches } from '../../bytes/stretches.ts';
import { limits } from '../../limits.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { PT } from '../elf/names.ts';

// `glibc.malloc.check`: a namespace and two names (glibc manual, "Tunables").
const tunable = /^glibc\.([a-z]\w*)\.[a-z]\w*/;
const longestTunable = 96;

/**
 * The tunables that a glibc was compiled with, sorted: those of a loader, or of a static program, which holds the same
 * table (`elf/dl-tunables.list`). Releases that have other ones are other releases.
 *
 * Those of the namespace `cpu` are left out: they differ between the static and the dynamic library of one release, and
 * were added to released branches.
 */
export function readTunables(elf: ElfFile): readonly string[] {
  const found = new Set<string>();
  for (const segment of elf.segments) {
    if (segment.type !== PT.load) {
      continue;
    }
    for (const { bytes } of stretches(elf.source, segment.offset, segment.fileBytes, { overlap: longestTunable })) {
      for (let at = bytes.indexOf('glibc.'); at !== -1; at = bytes.indexOf('glibc.', at + 1)) {
        const [name, namespace] = tunable.exec(bytes.toString('latin1', at, at + longestTunable)) ?? [];
        if (name !== undefined && namespace !== 'cpu' && found.size < limits.tunables) {
          found.add(name);
        }
      }
    }
  }
  return [...found].sort();
}
