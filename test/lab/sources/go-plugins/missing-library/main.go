// A plugin that needs a library which is not installed where it runs.
package main

// int absent_answer(void);
import "C"

import "fmt"

// Version is looked up by the host.
var Version = "1.0.0"

// Greet is looked up by the host.
func Greet(string) string {
	return fmt.Sprint(C.absent_answer())
}

func main() {}
