package main

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/util"
)

// older maps built-ins that Rego v1 has no more to what does the same.
var older = map[string]ast.Ref{
	"any":      ast.MustParseRef("data.elfgate.lib.older.any_true"),
	"all":      ast.MustParseRef("data.elfgate.lib.older.all_true"),
	"set_diff": ast.MustParseRef("data.elfgate.lib.older.difference"),
	"re_match": ast.MustParseRef("regex.match"),
}

// modernise writes sources of either version as formatted Rego v1, their packages moved below their roots.
func modernise(asked request) ([]formatResult, error) {
	modules, err := parse(asked.Sources, asked.Roots)
	if err != nil {
		return nil, err
	}
	results := []formatResult{}
	for _, file := range util.KeysSorted(modules) {
		module := modules[file]
		ast.WalkExprs(module, func(expr *ast.Expr) bool {
			if expr.IsCall() {
				if renamed, ok := older[expr.Operator().String()]; ok {
					expr.SetOperator(ast.NewTerm(renamed))
				}
			}
			return false
		})
		ast.WalkTerms(module, func(term *ast.Term) bool {
			if call, ok := term.Value.(ast.Call); ok {
				if renamed, ok := older[call[0].String()]; ok {
					call[0] = ast.NewTerm(renamed)
				}
			}
			return false
		})
		text, err := format.AstWithOpts(module, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			return nil, err
		}
		results = append(results, formatResult{File: file, Text: string(text), Changed: true})
	}
	return results, nil
}
