import test from 'ava';
import { abiTag, buildId, goBuildId, processorFeatures } from '../../../src/binary/elf/notes.ts';
import { FormatError } from '../../../src/errors.ts';
import { labElf } from './lab-elf.ts';
import { elfOf } from './quick.ts';
import { FieldWriter, tinyElf } from './tiny-elf.ts';

function note(owner: string, type: number, description: Buffer, alignment = 4): Buffer {
  const pad = (bytes: Buffer, taken: number): Buffer =>
    Buffer.concat([bytes, Buffer.alloc((alignment - ((taken + bytes.length) % alignment)) % alignment)]);
  const name = Buffer.from(`${owner}\0`);
  const head = new FieldWriter().u32(name.length, description.length, type).done();
  return Buffer.concat([head, pad(name, 12), pad(description, 0)]);
}

function fileWith(notes: Buffer, offset: number, alignment = 4): Buffer {
  return tinyElf({
    segments: [{ type: 4, offset, fileBytes: notes.length, alignment }],
    pieces: [[offset, notes]],
    size: offset + notes.length,
  });
}

const identifier = Buffer.from('00112233445566778899aabbccddeeff00112233', 'hex');

test('notes follow each other, padded from where they start and not from the start of the file', (t) => {
  const notes = Buffer.concat([note('Go', 4, Buffer.from('abc/def')), note('GNU', 3, identifier)]);
  for (const offset of [0x400, 0x401, 0x402, 0x403]) {
    const elf = elfOf(fileWith(notes, offset));
    t.is(goBuildId(elf.notes), 'abc/def');
    t.is(buildId(elf.notes), identifier.toString('hex'));
    t.is(elf.notes[0]?.at, offset);
  }
});

test('notes of segments that are aligned to eight bytes are padded to eight', (t) => {
  const property = new FieldWriter().u32(0xc0000002, 4, 3, 0).done();
  const notes = Buffer.concat([note('GNU', 5, property, 8), note('GNU', 3, identifier, 8)]);
  const elf = elfOf(fileWith(notes, 0x400, 8));
  t.deepEqual(processorFeatures(elf.header, elf.notes), ['IBT', 'SHSTK']);
  t.is(buildId(elf.notes), identifier.toString('hex'));
});

test('the ABI tag names the system and its oldest release', (t) => {
  const tag = new FieldWriter().u32(0, 3, 2, 0).done();
  const elf = elfOf(fileWith(note('GNU', 1, tag), 0x400));
  t.deepEqual(abiTag(elf.header, elf.notes), { system: 'linux', version: '3.2.0' });
});

test('a note section that no note segment covers counts too', (t) => {
  const notes = note('GNU', 3, identifier);
  const elf = elfOf(
    tinyElf({
      segments: [{ fileBytes: 64 }],
      sections: [
        {},
        { type: 7, flags: 2, offset: 0x400, size: notes.length, alignment: 4 },
        // Of a debugger, and not loaded.
        { type: 7, offset: 0x500, size: notes.length, alignment: 4 },
      ],
      pieces: [
        [0x400, notes],
        [0x500, notes],
      ],
    }),
  );
  t.is(elf.notes.length, 1);
  t.is(buildId(elf.notes), identifier.toString('hex'));
});

test('a property that ends outside its note is refused', (t) => {
  const property = new FieldWriter().u32(0xc0000002, 40, 3, 0).done();
  const elf = elfOf(fileWith(note('GNU', 5, property, 8), 0x400, 8));
  t.throws(() => processorFeatures(elf.header, elf.notes), {
    instanceOf: FormatError,
    message: 'offset 0x400: a program property of 40 bytes ends outside its note',
  });
});

test("Go's own linker and GNU's leave build ids where they are found", async (t) => {
  const lab = await labElf(t, ['cross/hello-amd64', 'cross/hello-s390x', 'go/host', 'c/hello']);
  if (lab !== null) {
    t.regex(goBuildId(lab['cross/hello-amd64'].notes) ?? '', /^[\w-]+\/[\w-]+\/[\w-]+\/[\w-]+$/);
    t.regex(goBuildId(lab['cross/hello-s390x'].notes) ?? '', /^[\w-]+\/[\w-]+\/[\w-]+\/[\w-]+$/);
    t.regex(goBuildId(lab['go/host'].notes) ?? '', /^[\w-]+\/[\w-]+\/[\w-]+\/[\w-]+$/);
    t.regex(buildId(lab['c/hello'].notes) ?? '', /^[0-9a-f]{40}$/);
  }
});
