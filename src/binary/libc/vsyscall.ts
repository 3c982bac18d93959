import { stretches } from '../../bytes/stretches.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { EM, PF, PT } from '../elf/names.ts';

/** One instruction that loads an entry of the fixed vsyscall page, as glibc up to 2.13 calls it. */
export interface VsyscallReference {
  /** Offset of the instruction in the file, bytes. */
  readonly at: number;
  readonly entry: 'gettimeofday' | 'time' | 'getcpu';
}

// The page lies at 0xffffffffff600000 in every process (Linux, arch/x86/entry/vsyscall); its entries are 1,024 bytes apart.
const entries = new Map<number, VsyscallReference['entry']>([
  [0x00, 'gettimeofday'],
  [0x04, 'time'],
  [0x08, 'getcpu'],
]);

const longestInstruction = 10;
const mostReferences = 64;

/**
 * Finds instructions of x86-64 code that name an entry of the vsyscall page: `mov $imm32, %reg`, `movabs $imm64, %reg`,
 * and a call through the absolute address.
 *
 * Code that computes the address at run time is not found; none is known to.
 */
export function findVsyscalls(elf: ElfFile): readonly VsyscallReference[] {
  if (elf.header.machine !== EM.x86_64) {
    return [];
  }
  const found: VsyscallReference[] = [];
  for (const segment of elf.segments) {
    if (segment.type !== PT.load || (segment.flags & PF.execute) === 0) {
      continue;
    }
    const overlap = longestInstruction - 1;
    for (const { offset, bytes } of stretches(elf.source, segment.offset, segment.fileBytes, { overlap })) {
      collect(bytes, offset, found);
      if (found.length >= mostReferences) {
        return found.slice(0, mostReferences);
      }
    }
  }
  return found;
}

// The last two bytes of every form are 60 ff (the address's third and fourth), which are rare in code.
const tail = Buffer.from([0x60, 0xff]);

function collect(bytes: Buffer, offset: number, found: VsyscallReference[]): void {
  for (let at = bytes.indexOf(tail); at !== -1; at = bytes.indexOf(tail, at + 1)) {
    const entry = at >= 2 && bytes[at - 2] === 0 ? entries.get(bytes[at - 1] ?? 0xff) : undefined;
    const start = entry === undefined ? null : instructionStart(bytes, at - 2);
    // One that lies in the overlap of two stretches is met twice.
    if (entry !== undefined && start !== null && found.at(-1)?.at !== offset + start) {
      found.push({ at: offset + start, entry });
    }
  }
}

/** Where the instruction starts whose address operand stands at `operand`; `null` when it is no such instruction. */
function instructionStart(bytes: Buffer, operand: number): number | null {
  const byte = (index: number): number => bytes[index] ?? 0;
  const rex = (index: number): boolean => byte(index) === 0x48 || byte(index) === 0x49;
  const highHalf = [4, 5, 6, 7].every((index) => byte(operand + index) === 0xff);
  if (operand >= 3 && rex(operand - 3) && byte(operand - 2) === 0xc7 && (byte(operand - 1) & 0xf8) === 0xc0) {
    return operand - 3;
  }
  if (operand >= 2 && rex(operand - 2) && (byte(operand - 1) & 0xf8) === 0xb8 && highHalf) {
    return operand - 2;
  }
  if (operand >= 3 && byte(operand - 3) === 0xff && byte(operand - 2) === 0x14 && byte(operand - 1) === 0x25) {
    return operand - 3;
  }
  return null;
}
