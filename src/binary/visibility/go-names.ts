/**
 * Names that Go's toolchain puts into the dynamic symbols of hosts and plugins.
 *
 * Every Go plugin carries them, and the runtime shares them on purpose; they are not what a plugin's author exported.
 * Go's own names hold a dot, a colon, a slash or another character that no C name has; the C parts of `runtime/cgo`
 * and the data of Go's assembly files are told by their prefixes (read from plugins of Go 1.19 to 1.26).
 */
export function isGoOwnName(name: string): boolean {
  return notInC.test(name) || goRuntime.test(name);
}

const notInC = /[^A-Za-z0-9_$@]/;
const goRuntime =
  /^(?:_?_?cgo_|x_cgo_|_cgoexp_|_cgohack|crosscall|x_crosscall|fatalf$|expandAVX512|threadentry$|_rt0_|gogetenv|go_(?:sum|main|init)\b)/;
