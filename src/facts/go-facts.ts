import type { ElfFile } from '../binary/elf/elf-file.ts';
import { placeName } from '../binary/elf/place.ts';
import type { GoModule as ReadModule } from '../binary/go/build-information.ts';
import type { GoFile } from '../binary/go/go-file.ts';
import { goResolverFunctions } from '../binary/libc/name-service-switch.ts';
import type { GoFacts } from './schema.ts';

/** States what the Go toolchain left in a file. */
export function goFacts(elf: ElfFile, go: GoFile): GoFacts {
  const { build, functions } = go;
  return {
    version: go.version?.text ?? null,
    versionAt: go.version === null ? null : placeName(elf, go.version.at),
    versionFrom: go.version?.from ?? null,
    path: build?.path ?? null,
    main: build === null || build.main === null ? null : moduleFacts(build.main),
    deps: build?.deps.map(moduleFacts) ?? [],
    settings: Object.fromEntries(build?.settings ?? []),
    plugin: go.plugin === null ? null : { path: go.plugin.path, exports: [...go.plugin.exports] },
    packages: go.hashes?.byPackage.size ?? null,
    moduleDataBytes: go.moduleDataBytes,
    importsPlugin: functions?.has('plugin.Open') ?? null,
    // Assembly of the runtime that is reached only from C, so that the linker keeps it only with runtime/cgo.
    cgo: functions?.has('_cgo_topofstack') ?? null,
    cResolver: functions === null ? [] : [...goResolverFunctions(functions)],
  };
}

function moduleFacts(module: ReadModule): NonNullable<GoFacts['main']> {
  return {
    path: module.path,
    version: stated(module.version),
    sum: stated(module.sum),
    replace:
      module.replace === null
        ? null
        : {
            path: module.replace.path,
            version: stated(module.replace.version),
            sum: stated(module.replace.sum),
          },
  };
}

function stated(text: string): string | null {
  return text === '' ? null : text;
}
