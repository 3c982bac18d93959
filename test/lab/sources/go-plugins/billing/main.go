// The billing plugin shares a package with the auditor that the host does not have.
package main

import (
	"fmt"

	"example.com/lab/ledger"
	"example.com/lab/shared"
)

// Version is looked up by the host.
var Version = "1.0.0"

// Greet is looked up by the host.
func Greet(name string) string {
	line := fmt.Sprint(shared.Greeting{Name: name, Text: "billed"})
	return fmt.Sprint(line, " ", ledger.Enter(line))
}

func main() {}
