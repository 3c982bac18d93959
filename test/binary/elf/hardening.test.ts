import test from 'ava';
import { type Hardening, isProgram, readHardening } from '../../../src/binary/elf/hardening.ts';
import type { ArtifactName } from '../../lab/lab.ts';
import { labElf } from './lab-elf.ts';
import { elfOf } from './quick.ts';
import { tinyElf } from './tiny-elf.ts';

const expected: readonly (readonly [ArtifactName, Hardening])[] = [
  ['c/hardening-full', hardening('full', { positionIndependent: true, stackProtector: true, fortified: true })],
  ['c/hardening-partial', hardening('partial', { positionIndependent: true })],
  ['c/hardening-none', hardening('none', { positionIndependent: false, executableStack: true })],
  ['c/executable-stack', hardening('partial', { executableStack: true })],
  ['c/my-api', hardening('partial', {})],
  ['c/hello-static-pie', hardening('partial', { positionIndependent: true, stackProtector: true })],
  ['c/hello-static', hardening('full', { positionIndependent: false, stackProtector: true })],
  // Nothing is left that could tell of the compiler's protections.
  ['c/hello-static-stripped', hardening('full', { positionIndependent: false, stackProtector: null, fortified: null })],
  ['go/plugin', hardening('full', {})],
  // An object is not loaded: it asks for no stack.
  ['bpf/uprobe', hardening('none', {})],
];

function hardening(relro: Hardening['relro'], rest: Partial<Hardening>): Hardening {
  return {
    relro,
    executableStack: false,
    positionIndependent: null,
    stackProtector: false,
    fortified: false,
    ...rest,
  };
}

for (const [name, wanted] of expected) {
  test(`${name} is protected as it was built`, async (t) => {
    const lab = await labElf(t, [name]);
    const elf = lab?.[name];
    if (elf !== undefined) {
      t.deepEqual(readHardening(elf), wanted);
    }
  });
}

test('a file that is loaded and says nothing of its stack gets one that can be executed', (t) => {
  t.true(readHardening(elfOf(tinyElf({ segments: [{ fileBytes: 64 }] }))).executableStack);
});

test('of two PT_GNU_STACK Linux obeys the last', (t) => {
  const stack = (flags: number) => ({ type: 0x6474e551, flags });
  const of = (first: number, last: number): boolean =>
    readHardening(elfOf(tinyElf({ segments: [{ fileBytes: 64 }, stack(first), stack(last)] }))).executableStack;
  t.true(of(6, 7));
  t.false(of(7, 6));
});

test('programs are told from libraries', async (t) => {
  const lab = await labElf(t, ['c/hello', 'c/hello-static', 'c/hello-static-pie', 'c/my-api', 'go/plugin', 'go/host']);
  if (lab !== null) {
    t.deepEqual(Object.values(lab).map(isProgram), [true, true, true, false, false, true]);
  }
});
