// One of two plugins that define the same C function.
package main

// #include "hello.h"
import "C"

// Version is looked up by the host.
var Version = "1.0.0"

// Greet is looked up by the host; it tells whose C function was called.
func Greet(string) string {
	return C.GoString(C.hello_impl())
}

func main() {}
