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

/**
 * Whether a name in a string table holds a dot, colon, slash, parenthesis or star, as most names of Go do and no name
 * of C does. Looks at the first bytes, because decoding ten thousand names costs more than all else about them.
 */
export function holdsGoPunctuation(bytes: Buffer, start: number): boolean {
  const end = Math.min(bytes.length, start + longestLook);
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === 0) {
      return false;
    }
    // . / : ( *
    if (byte === 0x2e || byte === 0x2f || byte === 0x3a || byte === 0x28 || byte === 0x2a) {
      return true;
    }
  }
  return false;
}
