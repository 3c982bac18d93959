/** Steps that write or change bytes by themselves, because no tool makes such files. */

import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { ByteStep, CopyStep } from '../recipe.ts';
import { resolveArgument, type Workplace } from './command.ts';

/** Part of the hash of every recipe with such a step: raise it when the bytes that they write change. */
export const byteStepsRevision = 1;

export function writeFileBytes(step: ByteStep, place: Workplace): void {
  switch (step.kind) {
    case 'write-bytes':
      writeFileSync(place.output, Buffer.from(step.bytes));
      return;
    case 'without-section-headers':
      writeFileSync(place.output, withoutSectionHeaders(readFileSync(place.pathOf(step.of))));
      chmodSync(place.output, 0o755);
      return;
    case 'as-bpf-object':
      writeFileSync(place.output, asBpfObject(readFileSync(resolveArgument(step.of, place))));
      return;
  }
}

export function copyBytes(step: CopyStep, place: Workplace): void {
  copyFileSync(place.pathOf(step.of), place.output);
}

/** Zeroes the section header table and all that the ELF header says of it; the loader reads neither. */
function withoutSectionHeaders(source: Buffer): Buffer {
  const bytes = Buffer.from(source);
  assert64BitLittleEndian(bytes);
  const table = Number(bytes.readBigUInt64LE(0x28));
  const size = bytes.readUInt16LE(0x3a) * bytes.readUInt16LE(0x3c);
  bytes.fill(0, table, table + size);
  bytes.writeBigUInt64LE(0n, 0x28); // e_shoff
  bytes.fill(0, 0x3a, 0x40); // e_shentsize, e_shnum, e_shstrndx
  return bytes;
}

/**
 * Turns an assembled x86-64 object into an eBPF object: the ELF container is the same, and the sections hold eBPF
 * instructions already.
 */
function asBpfObject(source: Buffer): Buffer {
  const bytes = Buffer.from(source);
  assert64BitLittleEndian(bytes);
  bytes.writeUInt16LE(247, 0x12); // e_machine = EM_BPF
  return bytes;
}

function assert64BitLittleEndian(bytes: Buffer): void {
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    throw new Error('this step changes 64-bit little-endian ELF files only');
  }
}
