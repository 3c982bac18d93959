// The greeter is a plugin that fits its host.
package main

import (
	"fmt"

	"example.com/dep"
	"example.com/lab/shared"
)

// Version is looked up by the host.
var Version = "1.0.0"

// Greet is looked up by the host.
func Greet(name string) string {
	return dep.Decorate(fmt.Sprint(shared.Greeting{Name: name, Text: "greetings"}))
}

func main() {}
