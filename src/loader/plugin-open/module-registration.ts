import { dynamicValue } from '../../binary/elf/dynamic.ts';
import type { ElfFile } from '../../binary/elf/elf-file.ts';
import { Fields } from '../../binary/elf/encoding.ts';
import { EM } from '../../binary/elf/names.ts';

// DT_INIT_ARRAY and DT_INIT_ARRAYSZ; a plugin's holds two initialisers: the compiler's, and the one looked for.
const initialisers = { array: 25, bytes: 27, read: 8 } as const;

/**
 * The first byte of the address of a plugin's module data, as it stands in memory: what the initialiser of a plugin
 * writes to where the host's runtime keeps a mark. Mappings begin at pages, so that on little-endian processors it is
 * part of the file; on big-endian ones it is the highest byte of an address, which user space does not reach.
 *
 * It is read from the instructions of `go:link.addmoduledata` (`cmd/link/internal/{amd64,arm64}/asm.go`, gentext).
 * `null` for other processors, and for code that is not as the linker writes it.
 *
 * @throws FormatError when the array of initialisers leads out of the file.
 */
export function firstByteOfModuleData(elf: ElfFile): number | null {
  const { machine, encoding } = elf.header;
  if (!encoding.littleEndian) {
    return 0;
  }
  const { dynamic, memory } = elf;
  const array = dynamic === null ? null : dynamicValue(dynamic, initialisers.array);
  const bytes = dynamic === null ? null : dynamicValue(dynamic, initialisers.bytes);
  if (array === null || bytes === null || !encoding.is64 || dynamic === null) {
    return null;
  }
  const entries = Math.min(Math.floor(bytes / 8), initialisers.read);
  const fields = new Fields(memory.read(array, entries * 8, 'initialisers'), encoding);
  for (let index = 0; index < entries; index++) {
    const start = fields.u64(index * 8);
    if (memory.bytesFrom(start) < 16) {
      continue;
    }
    const code = memory.read(start, 16, 'initialiser');
    const found = machine === EM.x86_64 ? fromAmd64(code, start) : machine === EM.aarch64 ? fromArm64(code) : null;
    if (found !== null) {
      return found;
    }
  }
  return null;
}

/** `lea local.moduledata(%rip), %rdi`, `call runtime.addmoduledata`, `ret`. */
function fromAmd64(code: Buffer, start: number): number | null {
  const isRegistration = code.readUIntBE(0, 3) === 0x48_8d_3d && code[7] === 0xe8 && code[12] === 0xc3;
  return isRegistration ? (start + 7 + code.readInt32LE(3)) & 0xff : null;
}

/** `adrp x0, local.moduledata`, `add x0, x0, #…`, `b runtime.addmoduledata`. */
function fromArm64(code: Buffer): number | null {
  const [page, add, branch] = [code.readUInt32LE(0), code.readUInt32LE(4), code.readUInt32LE(8)];
  const isRegistration =
    (page & 0x9f00_001f) >>> 0 === 0x9000_0000 &&
    (add & 0xffc0_03ff) >>> 0 === 0x9100_0000 &&
    (branch & 0xfc00_0000) >>> 0 === 0x1400_0000;
  return isRegistration ? (add >>> 10) & 0xff : null;
}
