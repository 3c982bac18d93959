import test from 'ava';
import type { CLibrary } from '../../../src/binary/libc/c-library.ts';
import { identifyCLibrary } from '../../../src/binary/libc/c-library.ts';
import type { ArtifactName } from '../../lab/lab.ts';
import { labElf } from '../elf/lab-elf.ts';

const expected: Readonly<Record<string, readonly ArtifactName[]>> = {
  'glibc dynamic': [
    ...(['c/hello', 'c/resolver', 'c/preload', 'c/hello-bogus-interpreter', 'c/needs-future-glibc'] as const),
    ...(['go/host', 'go/host-stripped', 'go/host-without-sections', 'go/plugin', 'go/plugin-stripped'] as const),
    ...(['go/resolver', 'cross/host-arm64', 'cross/plugin-s390x', 'go/c-shared'] as const),
  ],
  'glibc static': [
    ...(['c/hello-static', 'c/hello-static-stripped', 'c/hello-static-pie', 'c/resolver-static'] as const),
    ...(['c/resolver-static-stripped', 'go/host-static', 'go/host-static-stripped'] as const),
    ...(['go/resolver-static-cgo', 'go/resolver-static-cgo-stripped', 'go/resolver-static-netgo-stripped'] as const),
  ],
  'musl dynamic': ['c/hello-musl', 'c/dlopen-host-musl', 'go/host-musl', 'go/plugin-musl'],
  'musl static': ['c/hello-musl-static', 'c/resolver-musl-static'],
  'none none': [
    ...(['c/vsyscall', 'c/vsyscall-none', 'c/textrel', 'go/host-without-cgo', 'go/resolver-without-cgo'] as const),
    ...(['go/resolver-without-cgo-stripped', 'go/probe-target-stripped', 'cross/hello-386'] as const),
    ...(['cross/hello-mips', 'cross/hello-s390x', 'cross/hello-freebsd'] as const),
  ],
  // Needs no library by name, but weak symbols of one.
  'unknown dynamic': ['c/my-api', 'c/without-sections', 'cross/library-s390x'],
  'unknown none': ['bpf/uprobe'],
};

for (const [library, names] of Object.entries(expected)) {
  for (const name of names) {
    test(`${name} has ${library}`, async (t) => {
      const lab = await labElf(t, [name]);
      const elf = lab?.[name];
      if (elf !== undefined) {
        const { kind, linkage }: CLibrary = identifyCLibrary(elf);
        t.is(`${kind} ${linkage}`, library);
      }
    });
  }
}
