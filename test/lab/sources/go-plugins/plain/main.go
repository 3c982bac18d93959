// An ordinary program that knows nothing of plugins.
package main

import (
	"fmt"

	"example.com/dep"
	"example.com/lab/shared"
)

func main() {
	fmt.Println(dep.Decorate(shared.Greeting{Name: "plain", Text: "hello"}.String()))
}
