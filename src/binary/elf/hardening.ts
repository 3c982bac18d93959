import { dynamicFlags } from './dynamic.ts';
import type { ElfFile } from './elf-file.ts';
import { ET, PF, PT, STT } from './names.ts';

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
  const flags = elf.dynamic === null ? [] : dynamicFlags(elf.dynamic);
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
    (elf.dynamic !== null && dynamicFlags(elf.dynamic).includes('PIE')
      ? true
      : elf.interpreter !== null && elf.dynamic?.soname === null)
  );
}

const canary = /^__(?:stack_chk_fail|stack_smash_handler|intel_security_cookie)/;
const checked = /^__\w+_chk$/;

function protectionMarks(elf: ElfFile): { readonly stackProtector: boolean; readonly fortified: boolean } | null {
  let seen = 0;
  let stackProtector = false;
  let fortified = false;
  const look = (name: string): void => {
    seen += 1;
    stackProtector ||= canary.test(name);
    fortified ||= checked.test(name) && !name.startsWith('__stack_chk');
  };
  const dynamic = elf.dynamicSymbols;
  if (dynamic !== null && dynamic.length > 1) {
    const { bytes } = dynamic.strings;
    // Most files have neither: one search of the names spares decoding them all.
    if (!bytes.includes('__stack') && !bytes.includes('_chk') && !bytes.includes('__intel')) {
      return { stackProtector, fortified };
    }
    for (const index of dynamic.imports) {
      look(dynamic.name(index));
    }
    return { stackProtector, fortified };
  }
  for (const chunk of elf.linkSymbols()) {
    for (let index = 0; index < chunk.length; index++) {
      if (chunk.type(index) === STT.func) {
        look(chunk.name(index));
      }
    }
  }
  return seen === 0 ? null : { stackProtector, fortified };
}
