/** eBPF objects with probes aimed at a Go program. */

import { command, output, type Recipe, scratch } from '../recipe.ts';

function compiled(source: string): Recipe {
  return {
    output: 'probe.bpf.o',
    sources: 'bpf-objects',
    steps: [command('clang', ['-target', 'bpf', '-O2', '-g', '-c', '-o', output, source])],
  };
}

/**
 * The same, without clang: the sections hold eBPF instructions as bytes, and the machine number is set afterwards.
 * Section names, symbols and license are what a loader such as libbpf reads.
 */
function assembled(source: string): Recipe {
  return {
    output: 'probe.bpf.o',
    sources: 'bpf-objects',
    steps: [
      command('gcc', ['-c', '-o', scratch('probe.o'), source]),
      { kind: 'as-bpf-object', of: scratch('probe.o') },
    ],
  };
}

export const bpfObjects = {
  'bpf/uretprobe': assembled('uretprobe.S'),
  'bpf/uprobe': assembled('uprobe.S'),
  'bpf/uretprobe-clang': compiled('uretprobe.bpf.c'),
} satisfies Record<string, Recipe>;
