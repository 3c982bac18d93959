package main

import (
	"bytes"
	"context"
	"errors"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// query is one of many questions that are asked at once, because starting this program takes longer than most answers.
type query struct {
	Sources map[string]string `json:"sources"`
	Query   string            `json:"query"`
	// Evaluate asks for the answer of OPA's interpreter, too, with this data and input.
	Evaluate bool           `json:"evaluate"`
	Data     map[string]any `json:"data"`
	Input    *jsonOrAbsent  `json:"input"`
}

// jsonOrAbsent keeps the text of a value; a missing one stays apart from null.
type jsonOrAbsent []byte

func (j *jsonOrAbsent) UnmarshalJSON(text []byte) error {
	*j = bytes.Clone(text)
	return nil
}

type queryResult struct {
	Errors []problem `json:"errors,omitempty"`
	// Wasm holds the query compiled with its sources; the only entrypoint gives its answers. Base64 in JSON.
	Wasm []byte `json:"wasm,omitempty"`
	// Answers are those of the interpreter: objects of variable bindings.
	Answers []rego.Vars `json:"answers,omitempty"`
	// Failure is the code of what ended the interpreter: eval_conflict_error and the like.
	Failure string `json:"failure,omitempty"`
}

// queries compiles, and when asked evaluates, each query on its own. What is wrong with one is part of its result.
func queries(ctx context.Context, asked []query) []queryResult {
	results := make([]queryResult, 0, len(asked))
	for _, one := range asked {
		results = append(results, answerQuery(ctx, one))
	}
	return results
}

func answerQuery(ctx context.Context, asked query) queryResult {
	modules, err := parse(asked.Sources, nil)
	if err != nil {
		return rejected(err)
	}
	compiler := newCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		return rejected(compiler.Errors)
	}
	data := asked.Data
	if data == nil {
		data = map[string]any{}
	}
	store := inmem.NewFromObject(data)
	compiled, err := rego.New(rego.Query(asked.Query), rego.Compiler(compiler), rego.Store(store)).Compile(ctx)
	if err != nil {
		return rejected(err)
	}
	wasm, err := quickened(compiled.Bytes)
	if err != nil {
		return rejected(err)
	}
	result := queryResult{Wasm: wasm}
	if !asked.Evaluate {
		return result
	}
	options := []func(*rego.Rego){rego.Query(asked.Query), rego.Compiler(compiler), rego.Store(store)}
	if asked.Input != nil {
		input, err := ast.ValueFromReader(bytes.NewReader(*asked.Input))
		if err != nil {
			return rejected(err)
		}
		options = append(options, rego.ParsedInput(input))
	}
	answers, err := rego.New(options...).Eval(ctx)
	if err != nil {
		result.Failure = "unknown"
		if failed := (*topdown.Error)(nil); errors.As(err, &failed) {
			result.Failure = failed.Code
		}
		return result
	}
	for _, answer := range answers {
		result.Answers = append(result.Answers, answer.Bindings)
	}
	return result
}

func rejected(err error) queryResult {
	if problems := problemsOf(err); len(problems) > 0 {
		return queryResult{Errors: problems}
	}
	return queryResult{Errors: []problem{{Code: "rego_compile_error", Message: err.Error()}}}
}
