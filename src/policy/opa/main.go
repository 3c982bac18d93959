// Command opa is OPA's own compiler, test runner and formatter, and some of its built-in functions, compiled for wasip1
// so that elfgate needs no opa binary.
//
// It is a reactor: serve answers one JSON request on standard input with one JSON response on standard output. It opens
// no file: every source arrives in the request, and every answer leaves in the response. What is wrong with the sources
// is part of the response; a status other than 0 means that the request itself made no sense. builtin_call, in another
// instance, answers calls of built-in functions as policies make them.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/v1/util"
)

// request is what elfgate asks. Fields that a command does not read are absent.
type request struct {
	Command string `json:"command"`
	// Sources maps the path of each file, as errors are to name it, to its text.
	Sources map[string]string `json:"sources"`
	// Roots maps files to the path below which their packages, and what they read of data, are moved.
	Roots map[string][]string `json:"roots"`
	// Data is the base document: rule parameters, and whatever else policies read under `data`.
	Data map[string]any `json:"data"`

	// Entrypoint is the path of the document that build compiles: a/b for data.a.b.
	Entrypoint string `json:"entrypoint"`
	// Schema is the JSON Schema of the input, to which check holds the sources.
	Schema   any    `json:"schema"`
	Coverage bool   `json:"coverage"` // test
	Query    string `json:"query"`    // eval
	Explain  bool   `json:"explain"`  // eval
	// Input is read by eval. Absent means undefined, which `null` does not.
	Input json.RawMessage `json:"input"`
	// Queries are what the command queries answers, each on its own.
	Queries []query `json:"queries"`
}

// response holds either errors, or the one field named like the command.
type response struct {
	Errors []problem    `json:"errors,omitempty"`
	Build  *buildResult `json:"build,omitempty"`
	Check  *checkResult `json:"check,omitempty"`
	// Outline holds the outline of each file.
	Outline   []moduleOutline `json:"outline,omitempty"`
	Test      *testResult     `json:"test,omitempty"`
	Fmt       []formatResult  `json:"fmt,omitempty"`
	Modernise []formatResult  `json:"modernise,omitempty"`
	Eval      *evalResult     `json:"eval,omitempty"`
	// Queries holds a result for each query, in their order.
	Queries []queryResult `json:"queries,omitempty"`
}

// main is not run in a reactor.
func main() {}

// serve gives the exit status.
//
//go:wasmexport serve
func serve() int32 {
	if err := answer(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func answer(ctx context.Context) error {
	var asked request
	// util's decoder keeps numbers as they are written; encoding/json's would round those above 2^53.
	if err := util.NewJSONDecoder(os.Stdin).Decode(&asked); err != nil {
		return fmt.Errorf("request: %w", err)
	}
	answer, err := run(ctx, asked)
	if problems := problemsOf(err); len(problems) > 0 {
		answer = response{Errors: problems}
	} else if err != nil {
		return fmt.Errorf("%s: %w", asked.Command, err)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(answer)
}

func run(ctx context.Context, asked request) (answer response, err error) {
	switch asked.Command {
	case "build":
		answer.Build, err = build(ctx, asked)
	case "check":
		answer.Check, err = check(asked)
	case "outline":
		answer.Outline, err = outline(asked)
	case "test":
		answer.Test, err = test(ctx, asked)
	case "fmt":
		answer.Fmt, err = reformat(asked)
	case "modernise":
		answer.Modernise, err = modernise(asked)
	case "eval":
		answer.Eval, err = eval(ctx, asked)
	case "queries":
		answer.Queries = queries(ctx, asked.Queries)
	default:
		err = fmt.Errorf("no such command")
	}
	return answer, err
}
