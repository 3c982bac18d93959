/** WebAssembly modules: one written byte by byte, one by the Go compiler. */

import type { Recipe } from '../recipe.ts';
import { goBuild } from './go-build.ts';

const text = (value: string): readonly number[] => [...Buffer.from(value, 'utf8')];
const name = (value: string): readonly number[] => [value.length, ...text(value)];
const section = (id: number, ...content: readonly number[]): readonly number[] => [id, content.length, ...content];
const wasm = (...sections: readonly (readonly number[])[]): Recipe => ({
  output: 'module.wasm',
  sources: null,
  steps: [{ kind: 'write-bytes', bytes: [...text('\0asm'), 1, 0, 0, 0, ...sections.flat()] }],
});

const i32 = 0x7f;
const functionType = (parameters: number): readonly number[] => [
  ...[0x60, parameters, ...Array<number>(parameters).fill(i32)],
  ...[1, i32],
];

export const wasmModules = {
  /** One memory of one page, at most two; exports it and a function that returns 42. */
  'wasm/tiny': wasm(
    section(1, 1, ...functionType(0)),
    section(3, 1, 0),
    section(5, 1, 1, 1, 2),
    section(7, 2, ...name('memory'), 2, 0, ...name('answer'), 0, 0),
    section(10, 1, 4, 0, 0x41, 42, 0x0b),
  ),
  /** Imports a harmless function of WASI and one that opens files; its memory has no maximum. */
  'wasm/wasi-imports': wasm(
    section(1, 2, ...functionType(4), ...functionType(0)),
    section(
      2,
      2,
      ...[...name('wasi_snapshot_preview1'), ...name('fd_write'), 0, 0],
      ...[...name('wasi_snapshot_preview1'), ...name('path_open'), 0, 0],
    ),
    section(3, 1, 1),
    section(5, 1, 0, 1),
    section(7, 1, ...name('_start'), 0, 2),
    section(10, 1, 4, 0, 0x41, 0, 0x0b),
  ),
  'wasm/go-wasip1': goBuild({
    output: 'hello.wasm',
    sources: 'go-programs',
    package: './hello',
    cgo: 'off',
    environment: { GOOS: 'wasip1', GOARCH: 'wasm' },
  }),
} satisfies Record<string, Recipe>;
