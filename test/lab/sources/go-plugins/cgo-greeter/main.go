// A plugin with C code of its own, with or without hidden visibility.
package main

// #cgo hidden CFLAGS: -fvisibility=hidden
// #include "greeting.h"
import "C"

// Version is looked up by the host.
var Version = "1.0.0"

// Greet is looked up by the host.
func Greet(string) string {
	return C.GoString(C.cgo_greeting())
}

func main() {}
