import { limits } from '../../limits.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { SHN, STB, STT, visibilityName } from '../elf/names.ts';
import { type LeakedLibrary, leakedLibraries } from './bundled-libraries.ts';
import { isGoOwnName, withoutGoPunctuation } from './go-names.ts';

/** What a shared object offers to others beyond what its toolchain puts there. */
export interface Surface {
  /** Exported names of the object's own C and C++ code, sorted; at most {@link limits.surfaceNames}. */
  readonly names: readonly string[];
  /** How many there are, listed or not. */
  readonly count: number;
  /** Exported names with protected visibility: others may call them, but cannot replace them. */
  readonly protectedNames: readonly string[];
  /** Names of STB_GNU_UNIQUE binding, each of which keeps the object from ever being unloaded. */
  readonly uniqueNames: readonly string[];
  /**
   * Functions and data that the compiler hid; `null` when the file is stripped of the table that would show it, and for
   * Go, whose linker decides about its own names.
   */
  readonly hiddenCount: number | null;
  readonly leaked: readonly LeakedLibrary[];
}

const listedSpecial = 64;

/**
 * Reads which names other objects can bind to.
 *
 * @param isGo whether the file holds a Go runtime, whose own names are then left out.
 */
export function readSurface(elf: ElfFile, isGo: boolean): Surface {
  const names: string[] = [];
  const protectedNames: string[] = [];
  const uniqueNames: string[] = [];
  const symbols = elf.dynamicSymbols;
  const versions = new Set(elf.symbolVersions?.defined.map(({ version }) => version));
  const offered =
    symbols === null
      ? []
      : isGo
        ? withoutGoPunctuation(symbols.exports, symbols.nameOffsets, symbols.strings.bytes)
        : symbols.exports;
  for (const index of offered) {
    if (symbols === null || !offersCodeOrData(symbols.type(index))) {
      continue;
    }
    const name = symbols.name(index);
    const weak = symbols.binding(index) === STB.weak;
    // A version script defines each version as an absolute symbol of its own name.
    const isVersion = symbols.section(index) === SHN.absolute && versions.has(name);
    if (isVersion || toolchainName.test(name) || (isGo && isGoOwnName(name))) {
      continue;
    }
    if (symbols.binding(index) === STB.unique) {
      uniqueNames.push(name);
    }
    if (visibilityName(symbols.other(index)) === 'protected') {
      protectedNames.push(name);
    }
    // The C++ library's headers make their own templates visible whatever flags the user gives.
    if (!(standardTemplate.test(name) && (weak || symbols.binding(index) === STB.unique))) {
      names.push(name);
    }
  }
  names.sort();
  return {
    names: names.slice(0, limits.surfaceNames),
    count: names.length,
    protectedNames: protectedNames.sort().slice(0, listedSpecial),
    uniqueNames: uniqueNames.sort().slice(0, listedSpecial),
    hiddenCount: isGo ? null : countHidden(elf),
    leaked: leakedLibraries(names, elf.dynamic?.soname ?? null),
  };
}

function offersCodeOrData(type: number): boolean {
  return type === STT.func || type === STT.object || type === STT.tls || type === STT.ifunc || type === STT.notype;
}

// Names that linkers and start files add to every object.
const toolchainName =
  /^(?:_init|_fini|_edata|_end|_start|edata|end|etext|_etext|__etext|__bss_start(?:__)?|__bss_end__|_bss_end__|__end__|__data_start|data_start|_IO_stdin_used|_fp_hw|__TMC_END__|__dso_handle|_ITM_\w+|__gmon_start__|__odr_asan\w*)$/;
const standardTemplate =
  /^_Z(?:N?K?|N[KVRO]*|T[ISVTC]N?K?|GVZ?N?K?|Z?N?K?)S[tabsiod]|^_ZT[ISV]N?K?(?:9__gnu_cxx|10__cxxabiv1)|^_ZNK?9__gnu_cxx/;

// Hidden names that start files, compilers and libc_nonshared.a add whatever flags the user gives.
const alwaysHidden =
  /^(?:_init|_fini|__dso_handle|__TMC_END__|_DYNAMIC|_GLOBAL_OFFSET_TABLE_|_PROCEDURE_LINKAGE_TABLE_|__GNU_EH_FRAME_HDR|__FRAME_END__|__x86\.get_pc_thunk\..*|__stack_chk_fail_local|atexit|at_quick_exit|pthread_atfork|[fl]?stat(?:64|at|at64)?|mknod(?:at)?|__rela?_iplt_(?:start|end)|__(?:pre)?init_array_(?:start|end)|__fini_array_(?:start|end)|__ehdr_start|DW\.ref\..*|__clang_call_terminate|__start_\w+|__stop_\w+|__(?:divt?i|mod|udiv|umod|mul|ashl|ashr|lshr|clz|ctz|popcount|bswap|cpu_)\w*)$/;

/**
 * Hidden names are local ones in the finished file. GNU ld drops their visibility and lists them behind a FILE symbol
 * without a name, where it puts all names that it made local itself; gold and lld keep the visibility.
 */
function countHidden(elf: ElfFile): number | null {
  let seen = false;
  let hidden = 0;
  let behindNamelessFile = false;
  for (const chunk of elf.linkSymbols()) {
    for (let index = 0; index < chunk.length; index++) {
      seen = true;
      const type = chunk.type(index);
      if (type === STT.file) {
        behindNamelessFile = chunk.name(index) === '';
      }
      const madeLocal = behindNamelessFile && chunk.binding(index) === STB.local;
      if (
        (madeLocal || visibilityName(chunk.other(index)) === 'hidden') &&
        (type === STT.func || type === STT.object || type === STT.tls) &&
        chunk.section(index) !== SHN.undefined &&
        !alwaysHidden.test(chunk.name(index))
      ) {
        hidden += 1;
      }
    }
  }
  return seen ? hidden : null;
}
