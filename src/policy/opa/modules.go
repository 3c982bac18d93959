package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// problem is one thing that is wrong with a source, at the place where it is wrong.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	File    string `json:"file"`
	Row     int    `json:"row"` // 1 is the first line
	Col     int    `json:"col"` // 1 is the first character of the line
	// Known holds what could stand at the place instead.
	Known []string `json:"known,omitempty"`
}

// refused lists the built-ins through which a policy would see more than its facts, and rego.parse_module, which
// needs the whole compiler where policies run.
var refused = []string{"http.send", "net.lookup_ip_addr", "opa.runtime", "rego.parse_module"}

const undefinedFunction = "undefined function "

// capabilities are those of this OPA, without the refused built-ins.
func capabilities(version ast.RegoVersion) *ast.Capabilities {
	offered := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(version))
	offered.Builtins = slices.DeleteFunc(offered.Builtins, func(b *ast.Builtin) bool {
		return slices.Contains(refused, b.Name)
	})
	return offered
}

// parse reads every source, and reports the errors of all of them, not only those of the first.
//
// elfgate's own packages are Rego v1; other sources may be of either version. The modules of files that have a root in
// roots are moved below it.
func parse(sources map[string]string, roots map[string][]string) (map[string]*ast.Module, error) {
	modules := make(map[string]*ast.Module, len(sources))
	var wrong ast.Errors
	for _, file := range util.KeysSorted(sources) {
		module, err := parseEither(file, sources[file])
		if root := roots[file]; err == nil && root != nil {
			err = moveBelow(module, root)
		}
		var found ast.Errors
		switch {
		case errors.As(err, &found):
			wrong = append(wrong, found...)
		case err != nil:
			wrong = append(wrong, ast.NewError(ast.ParseErr, &ast.Location{File: file, Row: 1, Col: 1}, "%s", err))
		default:
			modules[file] = module
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return modules, nil
}

// parseEither reads Rego v1, or v0 where only that makes sense of a source that is not elfgate's own.
func parseEither(file, source string) (*ast.Module, error) {
	module, err := parseAs(ast.RegoV1, file, source)
	if err == nil {
		return module, nil
	}
	if older, olderErr := parseAs(ast.RegoV0, file, source); olderErr == nil && !isOwn(older) {
		return older, nil
	}
	return nil, err
}

func parseAs(version ast.RegoVersion, file, source string) (*ast.Module, error) {
	return ast.ParseModuleWithOpts(file, source, ast.ParserOptions{
		ProcessAnnotation: version == ast.RegoV1,
		Capabilities:      capabilities(version),
		RegoVersion:       version,
	})
}

// isOwn tells packages that follow elfgate's conventions from policies that were written for other programs.
func isOwn(module *ast.Module) bool {
	path := names(module.Package.Path)
	return len(path) > 1 && path[1] == "elfgate"
}

// newCompiler reports every error of a set of modules; OPA's default stops at ten.
func newCompiler() *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(capabilities(ast.RegoV1)).SetErrorLimit(0)
}

// problemsOf gives the source errors that err holds, in the order of their places, or nil if it holds none.
func problemsOf(err error) []problem {
	var found ast.Errors
	if single := (*ast.Error)(nil); errors.As(err, &single) {
		found = ast.Errors{single}
	} else if !errors.As(err, &found) {
		return nil
	}
	problems := make([]problem, 0, len(found))
	for _, e := range found {
		p := problem{Code: e.Code, Message: e.Message}
		if name, ok := strings.CutPrefix(e.Message, undefinedFunction); ok && slices.Contains(refused, name) {
			p.Code = "built_in_refused"
			p.Message = fmt.Sprintf("built-in function %s is refused: a policy judges the facts that it is given and reaches for nothing else", name)
		}
		if e.Location != nil {
			p.File, p.Row, p.Col = e.Location.File, e.Location.Row, e.Location.Col
		}
		if unknown, ok := e.Details.(unknownField); ok {
			p.Known = unknown.known
		}
		problems = append(problems, p)
	}
	slices.SortFunc(problems, func(a, b problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(problems, func(a, b problem) bool {
		return a.Code == b.Code && a.Message == b.Message && a.File == b.File && a.Row == b.Row && a.Col == b.Col
	})
}
