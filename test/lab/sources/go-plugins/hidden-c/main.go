// A plugin that calls a function which its library was built to hide.
package main

// #cgo LDFLAGS: -Wl,--unresolved-symbols=ignore-all
// int my_api_internal_count(void);
import "C"

import "fmt"

// Version is looked up by the host.
var Version = "1.0.0"

// Greet is looked up by the host.
func Greet(string) string {
	return fmt.Sprint(C.my_api_internal_count())
}

func main() {}
