import { type ByteSource, bufferSource } from './byte-source.ts';

const memoryBytes = 8 << 20;
const pageBytes = 64 << 10;
const alignment = 8;

// One for each file that is open at the same time. Buffers of their own for what is read of each of a thousand files leave
// garbage by the hundred megabytes, which is not collected before the memory of the process has grown by as much.
const idle: Buffer[] = [];

/**
 * Runs a question on a file whose bytes are read into memory that is used again for the next one. What finds no room there
 * is read as ever.
 *
 * @param question must give nothing that holds on to bytes of the file: texts, numbers and copies only.
 */
export function withLentMemory<Answer>(file: ByteSource, question: (source: ByteSource) => Answer): Answer {
  const { size, readInto } = file;
  if (readInto === undefined) {
    return question(file);
  }
  const memory = idle.pop() ?? Buffer.allocUnsafeSlow(memoryBytes);
  let used = 0;
  const pages = new Map<number, Buffer>();

  /** `null` when there is no room left. */
  const lend = (offset: number, length: number): Buffer | null => {
    if (used + length > memory.length) {
      return null;
    }
    const target = memory.subarray(used, used + length);
    readInto.call(file, target, offset);
    used += Math.ceil(length / alignment) * alignment;
    return target;
  };

  const source: ByteSource = {
    size,
    isLent: true,
    read(offset, length) {
      if (!(offset >= 0 && length > 0 && offset + length <= size)) {
        // What lies outside of the file is refused there, in its words.
        return file.read(offset, length);
      }
      const first = Math.floor(offset / pageBytes);
      const start = first * pageBytes;
      if (offset + length > start + pageBytes) {
        return lend(offset, length) ?? file.read(offset, length);
      }
      const page = pages.get(first) ?? lend(start, Math.min(pageBytes, size - start));
      if (page === null) {
        return file.read(offset, length);
      }
      pages.set(first, page);
      return page.subarray(offset - start, offset - start + length);
    },
    readInto: (target, offset) => readInto.call(file, target, offset),
  };
  try {
    return question(source);
  } finally {
    idle.push(memory);
  }
}

/**
 * The same for a question that needs all of a file, such as its digest: one that has room in the memory is read once, as a
 * whole. Larger ones are read as {@link withLentMemory} does.
 *
 * @param question as there.
 */
export function withWholeInLentMemory<Answer>(file: ByteSource, question: (source: ByteSource) => Answer): Answer {
  const { size, readInto } = file;
  if (readInto === undefined || size > memoryBytes) {
    return withLentMemory(file, question);
  }
  const memory = idle.pop() ?? Buffer.allocUnsafeSlow(memoryBytes);
  try {
    const bytes = memory.subarray(0, size);
    readInto.call(file, bytes, 0);
    return question({ ...bufferSource(bytes), isLent: true });
  } finally {
    idle.push(memory);
  }
}
