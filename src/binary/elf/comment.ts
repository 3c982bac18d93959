import type { ByteSource } from '../../bytes/byte-source.ts';
import { limits } from '../../limits.ts';
import { SHT } from './names.ts';
import type { Section } from './sections.ts';
import { decodeName } from './string-table.ts';

/** Lines of `.comment`, where compilers and linkers leave their versions; each line once. */
export function readComment(source: ByteSource, sections: readonly Section[]): readonly string[] {
  const section = sections.find((candidate) => candidate.name === '.comment' && candidate.type !== SHT.nobits);
  if (section === undefined) {
    return [];
  }
  const bytes = source.read(section.offset, Math.min(section.size, limits.commentBytes));
  const lines = decodeName(bytes)
    .split('\0')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return [...new Set(lines)];
}
