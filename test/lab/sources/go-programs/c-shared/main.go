// A C library written in Go: it brings a Go runtime of its own.
package main

import "C"

//export GoAnswer
func GoAnswer() int {
	return 42
}

func main() {}
