import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { type ArtifactName, artifact } from '../lab/lab.ts';
import { attempt } from './elf/quick.ts';

const longest = 1_000;

/** The bytes of an artifact, changed by each of the functions and inspected; what happened at most and how often. */
async function damaged(
  t: ExecutionContext,
  name: ArtifactName,
  change: (bytes: Buffer) => Iterable<Buffer>,
): Promise<void> {
  const file = await artifact(name);
  if (!file.available) {
    t.log(file.reason);
    t.pass();
    return;
  }
  const bytes = readFileSync(file.path);
  let [count, refused, slowest] = [0, 0, 0];
  for (const changed of change(bytes)) {
    const { refusal, milliseconds } = attempt(changed);
    count += 1;
    refused += refusal === null ? 0 : 1;
    slowest = Math.max(slowest, milliseconds);
  }
  t.log(`${count} files, ${refused} refused, slowest ${Math.round(slowest)} ms`);
  t.true(slowest < longest);
  t.true(count > 0);
}

const names = ['c/versions', 'c/hash-both', 'cross/library-s390x', 'c/relr'] as const;

for (const name of names) {
  test(`${name} cut off at any byte is answered or refused`, (t) =>
    damaged(t, name, function* (bytes) {
      for (let length = 0; length < bytes.length; length += length < 1_024 ? 1 : 13) {
        // The format itself is told by the first eight bytes.
        if (length >= 8) {
          yield bytes.subarray(0, length);
        }
      }
    }));

  test(`${name} with sixteen terabytes in any field is answered or refused`, (t) =>
    damaged(t, name, function* (bytes) {
      for (const value of [0x100000000000n, 0xffffffffffffffffn, 0x7fffffffffffffffn, 0n]) {
        for (let at = 16; at + 8 <= bytes.length; at += 8) {
          const before = bytes.readBigUInt64LE(at);
          if (before !== 0n || at < 1_024) {
            name.endsWith('s390x') ? bytes.writeBigUInt64BE(value, at) : bytes.writeBigUInt64LE(value, at);
            yield bytes;
            bytes.writeBigUInt64LE(before, at);
          }
        }
      }
    }));

  test(`${name} with four thousand million in any field is answered or refused`, (t) =>
    damaged(t, name, function* (bytes) {
      for (let at = 16; at + 4 <= bytes.length; at += 4) {
        const before = bytes.readUInt32LE(at);
        if (before !== 0) {
          bytes.writeUInt32LE(0xffffffff, at);
          yield bytes;
          bytes.writeUInt32LE(before, at);
        }
      }
    }));

  test(`${name} with any stretch of it zeroed is answered or refused`, (t) =>
    damaged(t, name, function* (bytes) {
      for (let at = 8; at < bytes.length; at += 32) {
        const before = Buffer.from(bytes.subarray(at, at + 64));
        bytes.fill(0, at, at + before.length);
        yield bytes;
        before.copy(bytes, at);
      }
    }));
}

for (const name of ['go/plugin', 'go/host@1.19', 'cross/hello-mips', 'c/hello-static'] as const) {
  test(`${name} cut off at the end of any two-hundredth of it is answered or refused`, (t) =>
    damaged(t, name, function* (bytes) {
      for (let part = 1; part < 200; part++) {
        yield bytes.subarray(0, Math.floor((bytes.length * part) / 200));
      }
    }));
}
