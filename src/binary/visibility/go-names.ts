/**
 * Names that Go's toolchain puts into the dynamic symbols of hosts and plugins.
 *
 * Every Go plugin carries them, and the runtime shares them on purpose; they are not what a plugin's author exported.
 * Go's own names hold a dot, a colon, a slash or another character that no C name has; the C parts of `runtime/cgo`
 * the data of Go's assembly files and the race detector's library are told by their prefixes (read from plugins of Go
 * 1.19 to 1.26). An author may well name a function `cgo_…`; Go's own start with an underscore.
 */
export function isGoOwnName(name: string): boolean {
  return notInC.test(name) || goRuntime.test(name);
}

const notInC = /[^A-Za-z0-9_$@]/;
const goRuntime =
  /^(?:__?cgo_|x_cgo_|_cgoexp_|_cgohack|crosscall|x_crosscall|fatalf$|expandAVX512|threadentry$|_rt0_|gogetenv|go_(?:sum|main|init)\b|__(?:tsan|sanitizer)_|_Z(?:NK?|T[VIS]N)(?:11__sanitizer|6__tsan))/;

// The package path comes first in names of Go. A bound, because a million names may share one megabyte.
const longestLook = 256;

const [goes, ends, isGo] = [0, 1, 2];
const meaning = new Uint8Array(256).fill(goes);
meaning[0] = ends;
for (const character of './:(*') {
  meaning[character.charCodeAt(0)] = isGo;
}

/**
 * The symbols, of those given, whose names hold no dot, colon, slash, parenthesis or star, as most names of Go do and no
 * name of C does. Looks at their first bytes, all in one loop: decoding ten thousand names, or a call for each, costs more
 * than all else about them.
 *
 * @param nameOffsets by symbol: where its name starts in a string table of these bytes.
 */
export function withoutGoPunctuation(
  symbols: readonly number[],
  nameOffsets: Uint32Array,
  bytes: Uint8Array,
): readonly number[] {
  const others: number[] = [];
  for (let index = 0; index < symbols.length; index++) {
    const symbol = symbols[index] ?? 0;
    let at = nameOffsets[symbol] ?? 0;
    const end = Math.min(bytes.length, at + longestLook);
    let met = goes;
    while (met === goes && at < end) {
      met = meaning[bytes[at] ?? 0] ?? ends;
      at += 1;
    }
    if (met !== isGo) {
      others.push(symbol);
    }
  }
  return others;
}
