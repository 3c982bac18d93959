import { EM } from '../../binary/elf/names.ts';
import type { Member } from '../library-closure/closure.ts';
import type { ThreadStorage } from '../library-closure/shared-object.ts';

/**
 * Thread-local storage at a fixed distance from the thread pointer. It is laid out when the program starts, and glibc
 * keeps some room for what is opened later (`sysdeps/generic/dl-tls.c`, rtld.nns and rtld.optional_static_tls at their
 * defaults; before 2.32 TLS_STATIC_SURPLUS, with the same sum).
 */
export class FixedThreadStorage {
  /** Bytes given out, counted from the thread pointer; `null` on processors whose layout is not modelled. */
  #used: number | null;
  readonly #end: number;
  readonly #placed = new Set<Member>();

  /** @param members what is in the process when it starts, in load order. */
  constructor(members: readonly Member[]) {
    const [main] = members;
    this.#used = main?.object.platform.machine === EM.x86_64 && main.object.platform.is64 ? 0 : null;
    let alignment = threadControlBlockAlignment;
    for (const member of members) {
      this.#placed.add(member);
      const { threadStorage } = member.object;
      if (threadStorage !== null && this.#used !== null) {
        this.#used = below(this.#used, threadStorage);
        alignment = Math.max(alignment, threadStorage.alignment);
      }
    }
    this.#end = roundUp((this.#used ?? 0) + surplus, alignment);
  }

  /** Marks the present state: calling the result brings it back. */
  mark(): () => void {
    const [used, placed] = [this.#used, new Set(this.#placed)];
    return () => {
      this.#used = used;
      this.#placed.clear();
      for (const member of placed) {
        this.#placed.add(member);
      }
    };
  }

  /** Gives an object its place (glibc `elf/dl-reloc.c`, _dl_try_allocate_static_tls). */
  place(member: Member): 'placed' | 'no room' | 'unknown' {
    const { threadStorage } = member.object;
    if (threadStorage === null || this.#placed.has(member)) {
      return 'placed';
    }
    this.#placed.add(member);
    const { bytes, alignment, firstByte } = threadStorage;
    if (this.#used === null) {
      return bytes + alignment <= certainSurplus ? 'placed' : 'unknown';
    }
    const free = this.#end - this.#used;
    const wanted = bytes + firstByte;
    if (free < wanted) {
      return 'no room';
    }
    this.#used += free - Math.floor((free - wanted) / alignment) * alignment - firstByte;
    return 'placed';
  }
}

// Bytes: three more C libraries of 192, four times 144 for others, and 512 for whoever can do without.
const surplus = 1664;
// Bytes that every release and processor has left for the program's first such library.
const certainSurplus = 512;
// TLS_TCB_ALIGN of x86_64.
const threadControlBlockAlignment = 64;

// glibc `elf/dl-tls.c`, _dl_determine_tlsoffset, where the thread pointer stands above the blocks.
function below(used: number, { bytes, alignment, firstByte }: ThreadStorage): number {
  const first = (alignment - firstByte) % alignment;
  return roundUp(used + bytes - first, alignment) + first;
}

const roundUp = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

/** The symbols whose fixed place an object asks for by its relocations. */
export function fixedPlaces(member: Member): readonly number[] {
  return member.object.ask((elf) => {
    const asks = fixedPlaceRelocations.get(elf.header.machine) ?? [];
    const symbols = new Set<number>();
    const relocations = elf.relocations;
    for (let index = 0; index < relocations.length; index++) {
      if (asks.includes(relocations.types[index] ?? 0)) {
        symbols.add(relocations.symbols[index] ?? 0);
      }
    }
    return [...symbols];
  });
}

// R_*_TPOFF and the like, by machine (the processor supplements of the ABI).
const fixedPlaceRelocations: ReadonlyMap<number, readonly number[]> = new Map([
  [3, [14, 37]],
  [EM.s390, [56]],
  [EM.x86_64, [18, 23]],
  [183, [1030]],
]);
