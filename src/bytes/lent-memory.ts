import type { ByteSource } from './byte-source.ts';

const memoryBytes = 8 << 20;
const pageBytes = 64 << 10;
const alignment = 8;

// One for each file that is open at the same time. Buffers of their own for what is read of each of a thousand files leave
// garbage by the hundred megabytes, which is not collected before the memory of the process has grown by as much.
const idle: Buffer[] = [];

/**
 * Runs a question on a file whose bytes are read into memory that is used again for the next one.
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

  const readExactly = (offset: number, length: number): Buffer => {
    const isLent = used + length <= memory.length;
    const target = isLent ? memory.subarray(used, used + length) : Buffer.allocUnsafeSlow(length);
    readInto.call(file, target, offset);
    used += isLent ? Math.ceil(length / alignment) * alignment : 0;
    return target;
  };

  const source: ByteSource = {
    size,
    read(offset, length) {
      if (!(offset >= 0 && length > 0 && offset + length <= size)) {
        // What lies outside of the file is refused there, in its words.
        return file.read(offset, length);
      }
      const first = Math.floor(offset / pageBytes);
      const start = first * pageBytes;
      if (offset + length > start + pageBytes) {
        return readExactly(offset, length);
      }
      const page = pages.get(first) ?? readExactly(start, Math.min(pageBytes, size - start));
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
