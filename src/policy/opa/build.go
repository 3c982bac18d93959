package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/util"
)

type buildResult struct {
	// Wasm is the compiled policy; base64 in JSON. Its one entrypoint is named eval and gives the value as {"result": …}.
	Wasm []byte `json:"wasm"`
	checkResult
	// Calls holds the first call of each built-in function that the sources name.
	Calls map[string]place `json:"calls"`
}

type checkResult struct {
	Modules     []moduleOutline `json:"modules"`
	Annotations []annotation    `json:"annotations"`
}

// moduleOutline is what one file declares.
type moduleOutline struct {
	File string `json:"file"`
	// Package is the path of the file's package: ["data", "elfgate", …].
	Package []string `json:"package"`
	Place   place    `json:"place"`
	// Rules holds the names of the file's rules, each once, in order of first appearance; functions are left out.
	Rules []string `json:"rules"`
}

// annotation is one METADATA block, with the document it describes.
type annotation struct {
	// Path is the described document: ["data", "elfgate", …].
	Path     []string         `json:"path"`
	Place    place            `json:"place"`
	Metadata *ast.Annotations `json:"metadata"`
}

type place struct {
	File string `json:"file"`
	Row  int    `json:"row"`
	Col  int    `json:"col"`
}

// build compiles by way of package rego and not of package compile, which compiles the sources a second time, formats
// them and prints the whole plan, each for nobody: together half of the time.
func build(ctx context.Context, asked request) (*buildResult, error) {
	checked, modules, err := compiled(asked, unrolled)
	if err != nil {
		return nil, err
	}
	entrypoint, err := ast.PtrRef(ast.DefaultRootDocument, asked.Entrypoint)
	if err != nil {
		return nil, err
	}
	if len(checked.GetRules(entrypoint)) == 0 {
		return nil, fmt.Errorf("entrypoint %q does not refer to a rule", asked.Entrypoint)
	}
	query := ast.NewBody(ast.Equality.Expr(ast.VarTerm("result"), ast.NewTerm(entrypoint)))
	policy, err := rego.New(rego.ParsedQuery(query), rego.Compiler(checked)).Compile(ctx)
	if err != nil {
		return nil, err
	}
	wasm, err := quickened(policy.Bytes)
	if err != nil {
		return nil, err
	}
	return &buildResult{
		Wasm:        wasm,
		checkResult: checkResult{Modules: outlines(modules), Annotations: annotations(checked)},
		Calls:       builtinCalls(checked),
	}, nil
}

// outline tells what sources declare, without compiling them.
func outline(asked request) ([]moduleOutline, error) {
	modules, err := parse(asked.Sources, asked.Roots)
	if err != nil {
		return nil, err
	}
	return outlines(modules), nil
}

func check(asked request) (*checkResult, error) {
	checked, modules, err := compiled(asked, asWritten)
	if err != nil {
		return nil, err
	}
	if asked.Schema != nil {
		if err := checkFields(ownModules(modules, asked.Roots), asked.Schema); err != nil {
			return nil, err
		}
	}
	return &checkResult{Modules: outlines(modules), Annotations: annotations(checked)}, nil
}

// compiled runs OPA's checks, for elfgate's own packages in strict mode (unused variables and imports are errors). It
// returns the modules as they were parsed, too: what is compiled is what the function `prepared` makes of them.
func compiled(asked request, prepared func(map[string]*ast.Module) (map[string]*ast.Module, error)) (*ast.Compiler, map[string]*ast.Module, error) {
	if len(asked.Sources) == 0 {
		return nil, nil, errors.New("no sources")
	}
	modules, err := parse(asked.Sources, asked.Roots)
	if err != nil {
		return nil, nil, err
	}
	all, err := prepared(modules)
	if err != nil {
		return nil, nil, err
	}
	own := ownModules(all, asked.Roots)
	compiler := newCompiler().WithStrict(true)
	if compiler.Compile(own); compiler.Failed() {
		return nil, nil, compiler.Errors
	}
	if len(own) < len(all) {
		compiler = newCompiler()
		if compiler.Compile(all); compiler.Failed() {
			return nil, nil, compiler.Errors
		}
	}
	return compiler, modules, nil
}

func asWritten(modules map[string]*ast.Module) (map[string]*ast.Module, error) { return modules, nil }

// ownModules leaves out what was written for other programs.
func ownModules(modules map[string]*ast.Module, roots map[string][]string) map[string]*ast.Module {
	own := make(map[string]*ast.Module, len(modules))
	for file, module := range modules {
		if isOwn(module) && roots[file] == nil {
			own[file] = module
		}
	}
	return own
}

func outlines(modules map[string]*ast.Module) []moduleOutline {
	found := []moduleOutline{}
	for _, file := range util.KeysSorted(modules) {
		declared := modules[file].Package
		outline := moduleOutline{
			File:    file,
			Package: names(declared.Path),
			Place:   placeOf(declared.Location),
			Rules:   []string{},
		}
		for _, rule := range modules[file].Rules {
			name := rule.Head.Ref()[0].Value.String()
			if len(rule.Head.Args) == 0 && !slices.Contains(outline.Rules, name) {
				outline.Rules = append(outline.Rules, name)
			}
		}
		found = append(found, outline)
	}
	return found
}

func annotations(compiler *ast.Compiler) []annotation {
	found := []annotation{}
	for _, described := range compiler.GetAnnotationSet().Flatten() {
		found = append(found, annotation{
			Path:     names(described.Path),
			Place:    placeOf(described.Location),
			Metadata: described.Annotations,
		})
	}
	return found
}

func builtinCalls(compiler *ast.Compiler) map[string]place {
	calls := map[string]place{}
	for _, file := range util.KeysSorted(compiler.Modules) {
		ast.WalkExprs(compiler.Modules[file], func(expr *ast.Expr) bool {
			if !expr.IsCall() {
				return false
			}
			name := expr.Operator().String()
			if _, known := ast.BuiltinMap[name]; !known || expr.Location == nil {
				return false
			}
			if _, seen := calls[name]; !seen {
				calls[name] = placeOf(expr.Location)
			}
			return false
		})
	}
	return calls
}

func names(ref ast.Ref) []string {
	path := make([]string, 0, len(ref))
	for _, term := range ref {
		if name, ok := term.Value.(ast.String); ok {
			path = append(path, string(name))
		} else {
			path = append(path, term.String())
		}
	}
	return path
}

func placeOf(at *ast.Location) place {
	if at == nil {
		return place{}
	}
	return place{File: at.File, Row: at.Row, Col: at.Col}
}
