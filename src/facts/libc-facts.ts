import type { ElfFile } from '../binary/elf/elf-file.ts';
import { EM } from '../binary/elf/names.ts';
import { placeName } from '../binary/elf/place.ts';
import { identifyCLibrary } from '../binary/libc/c-library.ts';
import { minimumGlibc } from '../binary/libc/minimum-version.ts';
import { builtInServices, readNameServiceUse } from '../binary/libc/name-service-switch.ts';
import { readTunables } from '../binary/libc/tunables.ts';
import { findVsyscalls } from '../binary/libc/vsyscall.ts';
import type { LibcFacts } from './schema.ts';

/** States which C library a file runs with and which of its traps it holds. @throws FormatError */
export function libcFacts(elf: ElfFile, goResolver: readonly string[]): LibcFacts {
  const library = identifyCLibrary(elf);
  const minimum = minimumGlibc(elf.symbolVersions?.needed ?? []);
  const names = readNameServiceUse(elf, library, goResolver);
  const loadsModules = library.kind === 'glibc' && library.linkage === 'static' && names.uses === true;
  const vsyscalls = findVsyscalls(elf);
  return {
    kind: library.kind,
    linkage: library.linkage,
    version: library.version,
    minimum: minimum?.version ?? null,
    minimumLibrary: minimum?.library ?? null,
    usesNss: names.uses,
    nssFunctions: [...names.functions],
    nssAt: names.at === null ? null : placeName(elf, names.at),
    nssBuiltIn: loadsModules ? [...builtInServices(elf)] : [],
    tunables: loadsModules ? [...readTunables(elf)] : [],
    usesVsyscall: elf.header.machine === EM.x86_64 ? vsyscalls.length > 0 : null,
    vsyscalls: vsyscalls.map(({ at, entry }) => ({ at: placeName(elf, at), entry })),
  };
}
