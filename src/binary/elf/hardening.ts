import type { ElfFile } from './elf-file.ts';
import { ET, PF, PT, STT } from './names.ts';
import type { SymbolTable } from './symbols.ts';

/** Protections that a linker or compiler put into a file, or left out. */
export interface Hardening {
  /** `full`: relocated data is read-only before the program starts; `partial`: all but the procedure linkage table's. */
  readonly relro: 'full' | 'partial' | 'none';
  /** Whether the file asks for a stack that can be executed; one that is loaded without PT_GNU_STACK gets it by default. */
  readonly executableStack: boolean;
  /** Whether the program can be loaded anywhere; `null` for files that are not programs. */
  readonly positionIndependent: boolean | null;
  /** Stack canaries; `null` when a stripped static file cannot tell. */
  readonly stackProtector: boolean | null;
  /** Checked variants of C functions (`_FORTIFY_SOURCE`); `null` when a stripped static file cannot tell. */
  readonly fortified: boolean | null;
}

/** Reads the protections that `checksec` prints. */
export function readHardening(elf: ElfFile): Hardening {
  const flags = elf.dynamic === null ? [] : elf.dynamic.flagNames;
  const hasRelro = elf.segments.some(({ type }) => type === PT.gnuRelro);
  // Of several, Linux (fs/binfmt_elf.c) and glibc obey the last.
  const stack = elf.segments.findLast(({ type }) => type === PT.gnuStack);
  const isLoaded = elf.segments.some(({ type }) => type === PT.load);
  const marks = protectionMarks(elf);
  return {
    // A static program has nothing left to bind, so that its read-only segment covers everything.
    relro: !hasRelro ? 'none' : elf.dynamic === null || flags.includes('BIND_NOW') ? 'full' : 'partial',
    executableStack: isLoaded && (stack === undefined || (stack.flags & PF.execute) !== 0),
    positionIndependent: isProgram(elf) ? elf.header.type === ET.dyn : null,
    stackProtector: marks?.stackProtector ?? null,
    fortified: marks?.fortified ?? null,
  };
}

/** A file that is started, and not loaded into another: it names an interpreter, is linked at fixed addresses or says PIE. */
export function isProgram(elf: ElfFile): boolean {
  if (elf.header.type === ET.exec) {
    return true;
  }
  return (
    elf.header.type === ET.dyn &&
    (elf.dynamic?.flagNames.includes('PIE') === true || (elf.interpreter !== null && elf.dynamic?.soname === null))
  );
}

const canary = /^__(?:stack_chk_fail|stack_smash_handler|intel_security_cookie)/;
const checked = /^__\w+_chk$/;
const underscore = 0x5f;

function protectionMarks(elf: ElfFile): { readonly stackProtector: boolean; readonly fortified: boolean } | null {
  let sawFunction = false;
  let stackProtector = false;
  let fortified = false;
  const look = (name: string): void => {
    stackProtector ||= canary.test(name);
    fortified ||= checked.test(name) && !name.startsWith('__stack_chk');
  };
  const dynamic = elf.dynamicSymbols;
  if (dynamic !== null && dynamic.length > 1) {
    const { imports, nameOffsets } = dynamic;
    const { bytes } = dynamic.strings;
    for (let at = 0; at < imports.length; at++) {
      const index = imports[at] ?? 0;
      const start = nameOffsets[index] ?? 0;
      // All of these names begin with two underscores: decoding the others would take longer than the rest of it. One that
      // lies outside of the table is an error, and no name without a mark.
      if (start >= bytes.length || (bytes[start] === underscore && bytes[start + 1] === underscore)) {
        look(dynamic.name(index));
      }
    }
    return { stackProtector, fortified };
  }
  let named: boolean | null = null;
  for (const chunk of elf.linkSymbols()) {
    // All chunks of the table share their names.
    named ??= mayHoldMarks(chunk);
    for (let index = 0; index < chunk.length && (named || !sawFunction); index++) {
      if (chunk.type(index) === STT.func) {
        sawFunction = true;
        if (named) {
          look(chunk.name(index));
        }
      }
    }
  }
  return sawFunction ? { stackProtector, fortified } : null;
}

/** Most files have no such name: one search of all names spares decoding them. */
function mayHoldMarks({ strings: { bytes } }: SymbolTable): boolean {
  return bytes.includes('__stack') || bytes.includes('_chk') || bytes.includes('__intel');
}
