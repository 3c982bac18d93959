package main

import (
	"bytes"
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

type evalResult struct {
	// Result holds one object of variable bindings for each answer to the query.
	Result []rego.Vars `json:"result"`
}

// eval answers a query with OPA's interpreter, not with compiled Wasm.
func eval(ctx context.Context, asked request) (*evalResult, error) {
	modules, err := parse(asked.Sources)
	if err != nil {
		return nil, err
	}
	compiler := newCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		return nil, compiler.Errors
	}
	data := asked.Data
	if data == nil {
		data = map[string]any{}
	}
	options := []func(*rego.Rego){
		rego.Query(asked.Query),
		rego.Compiler(compiler),
		rego.Store(inmem.NewFromObject(data)),
	}
	if asked.Input != nil {
		input, err := ast.ValueFromReader(bytes.NewReader(asked.Input))
		if err != nil {
			return nil, err
		}
		options = append(options, rego.ParsedInput(input))
	}
	answers, err := rego.New(options...).Eval(ctx)
	if err != nil {
		return nil, err
	}
	result := &evalResult{Result: []rego.Vars{}}
	for _, answer := range answers {
		result.Result = append(result.Result, answer.Bindings)
	}
	return result, nil
}
