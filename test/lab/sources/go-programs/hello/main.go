// The smallest program that still says something.
package main

import "os"

func main() {
	os.Stdout.WriteString("hello\n")
}
