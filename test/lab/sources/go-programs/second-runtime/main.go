// A Go program that loads a C library written in Go: two Go runtimes in one process.
package main

// long GoAnswer(void);
import "C"

import "fmt"

func main() {
	fmt.Println(C.GoAnswer())
}
