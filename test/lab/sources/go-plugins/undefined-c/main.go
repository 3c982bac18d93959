// A plugin that calls a C function which nobody defines.
package main

// #cgo LDFLAGS: -Wl,--unresolved-symbols=ignore-all
// const char *defined_nowhere(void);
import "C"

// Version is looked up by the host.
var Version = "1.0.0"

// Greet is looked up by the host.
func Greet(string) string {
	return C.GoString(C.defined_nowhere())
}

func main() {}
