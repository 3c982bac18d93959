// The host opens every plugin of its command line, in order, and says what became of it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"plugin"

	"example.com/dep"
	"example.com/lab/shared"
)

type opening struct {
	Plugin  string            `json:"plugin"`
	Outcome string            `json:"outcome"`
	Message string            `json:"message"`
	Symbols map[string]string `json:"symbols"`
}

func main() {
	fmt.Fprintln(os.Stderr, dep.Decorate(shared.Greeting{Name: "host", Text: "hello"}.String()))
	for _, path := range os.Args[1:] {
		// One line at a time, unbuffered: the next plugin may kill the process.
		line, err := json.Marshal(open(path))
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}

func open(path string) (result opening) {
	result = opening{Plugin: path, Symbols: map[string]string{}}
	defer func() {
		if reason := recover(); reason != nil {
			result.Outcome = "panics"
			result.Message = fmt.Sprint(reason)
		}
	}()
	opened, err := plugin.Open(path)
	if err != nil {
		result.Outcome = "fails"
		result.Message = err.Error()
		return result
	}
	result.Outcome = "loads"
	for _, name := range []string{"Greet", "Version"} {
		result.Symbols[name] = lookup(opened, name)
	}
	return result
}

func lookup(opened *plugin.Plugin, name string) string {
	symbol, err := opened.Lookup(name)
	if err != nil {
		return err.Error()
	}
	switch value := symbol.(type) {
	case func(string) string:
		return value("host")
	case *string:
		return *value
	default:
		return fmt.Sprintf("unexpected type %T", symbol)
	}
}
