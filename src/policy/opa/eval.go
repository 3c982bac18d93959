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
	// Explanation holds the rules that were tried, in the order of their places; absent unless asked for.
	Explanation []triedRule `json:"explanation,omitempty"`
}

// eval answers a query with OPA's interpreter, which can tell how it came to the answer.
func eval(ctx context.Context, asked request) (*evalResult, error) {
	query, err := queryOf(asked)
	if err != nil {
		return nil, err
	}
	prepared, err := query.PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	options := []rego.EvalOption{}
	if asked.Input != nil {
		input, err := ast.ValueFromReader(bytes.NewReader(asked.Input))
		if err != nil {
			return nil, err
		}
		options = append(options, rego.EvalParsedInput(input))
	}
	explained := &explanation{}
	if asked.Explain {
		// Without the index and early exits every rule is tried, and so has a reason.
		options = append(options, rego.EvalQueryTracer(explained), rego.EvalRuleIndexing(false), rego.EvalEarlyExit(false))
	}
	answers, err := prepared.Eval(ctx, options...)
	if err != nil {
		return nil, err
	}
	result := &evalResult{Result: []rego.Vars{}, Explanation: explained.inOrder()}
	for _, answer := range answers {
		result.Result = append(result.Result, answer.Bindings)
	}
	return result, nil
}

func queryOf(asked request) (*rego.Rego, error) {
	modules, err := parse(asked.Sources, nil)
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
	return rego.New(rego.Query(asked.Query), rego.Compiler(compiler), rego.Store(inmem.NewFromObject(data))), nil
}
