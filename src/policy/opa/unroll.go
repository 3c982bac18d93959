package main

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

var (
	rulesPath      = []string{"data", "elfgate", "rules"}
	parametersPath = ast.MustParseRef("data.elfgate.parameters")
)

// unrolled states once for each package data.elfgate.rules.FAMILY.NAME what main.rego states of all that are on:
//
//	some family, name
//	data.elfgate.parameters[family][name]
//
// Names that are known when a policy is compiled need not be looked up, one by one, in each evaluation, which takes a sixth of its time.
// The meaning is the same: parameters stand for rules that there are, and nothing else.
func unrolled(modules map[string]*ast.Module) (map[string]*ast.Module, error) {
	known := knownRules(modules)
	if len(known) == 0 {
		return modules, nil
	}
	result := make(map[string]*ast.Module, len(modules))
	for file, module := range modules {
		result[file] = module
		if !slices.Equal(names(module.Package.Path), rulesPath[:2]) {
			continue
		}
		module = module.Copy()
		result[file] = module
		module.Rules = nil
		for _, rule := range modules[file].Rules {
			family, name, found := steps(rule)
			if !found {
				module.Rules = append(module.Rules, rule)
				continue
			}
			for _, path := range known {
				stated, err := withNames(rule, map[ast.Var]string{family: path[0], name: path[1]})
				if err != nil {
					return nil, err
				}
				stated.Module = module
				module.Rules = append(module.Rules, stated)
			}
		}
	}
	return result, nil
}

// knownRules gives the family and the name of every package of a rule, in order.
func knownRules(modules map[string]*ast.Module) [][2]string {
	var known [][2]string
	for _, module := range modules {
		path := names(module.Package.Path)
		if len(path) == len(rulesPath)+2 && slices.Equal(path[:len(rulesPath)], rulesPath) {
			known = append(known, [2]string{path[3], path[4]})
		}
	}
	slices.SortFunc(known, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(known)
}

// steps tells whether a rule adds to a set or object for each rule that is on, and by which variables.
func steps(rule *ast.Rule) (family, name ast.Var, found bool) {
	isPartial := len(rule.Head.Ref()) > 1 || rule.Head.RuleKind() == ast.MultiValue
	if !isPartial || rule.Else != nil || len(rule.Head.Args) > 0 {
		return "", "", false
	}
	for _, expr := range rule.Body {
		term, ok := expr.Terms.(*ast.Term)
		if !ok || expr.Negated || len(expr.With) > 0 {
			continue
		}
		ref, ok := term.Value.(ast.Ref)
		if !ok || len(ref) != len(parametersPath)+2 || !ref.HasPrefix(parametersPath) {
			continue
		}
		family, isVar := ref[3].Value.(ast.Var)
		name, isToo := ref[4].Value.(ast.Var)
		if isVar && isToo && family != name && declaredOnce(rule, family) && declaredOnce(rule, name) {
			return family, name, true
		}
	}
	return "", "", false
}

// declaredOnce tells whether a variable is declared by a `some` of the body, and nothing further in has its name.
func declaredOnce(rule *ast.Rule, variable ast.Var) bool {
	count := func(x any) (count int) {
		ast.WalkVars(x, func(v ast.Var) bool {
			if v == variable {
				count++
			}
			return false
		})
		return count
	}
	declared, others := 0, count(rule.Head)
	for _, expr := range rule.Body {
		if declaration, ok := expr.Terms.(*ast.SomeDecl); ok && isPlain(declaration) {
			declared += count(declaration)
		}
	}
	ast.WalkNodes(rule.Body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SomeDecl:
			others += count(node)
		case *ast.Every:
			others += count(node.Key) + count(node.Value)
		case *ast.Expr:
			if node.IsAssignment() {
				others += count(node.Operand(0))
			}
		}
		return false
	})
	return declared == 1 && others == declared
}

// isPlain tells `some x, y` from `some x in y`.
func isPlain(declaration *ast.SomeDecl) bool {
	return !slices.ContainsFunc(declaration.Symbols, func(symbol *ast.Term) bool {
		_, ok := symbol.Value.(ast.Var)
		return !ok
	})
}

// withNames gives a copy of a rule in which names stand for variables, and texts that are made of nothing but names are made already.
func withNames(rule *ast.Rule, values map[ast.Var]string) (*ast.Rule, error) {
	stated := rule.Copy()
	stated.Body = slices.DeleteFunc(stated.Body, func(expr *ast.Expr) bool {
		declaration, ok := expr.Terms.(*ast.SomeDecl)
		if !ok || !isPlain(declaration) {
			return false
		}
		declaration.Symbols = slices.DeleteFunc(declaration.Symbols, func(symbol *ast.Term) bool {
			_, ok := values[symbol.Value.(ast.Var)]
			return ok
		})
		return len(declaration.Symbols) == 0
	})
	for index, expr := range stated.Body {
		expr.Index = index
	}
	if _, err := ast.TransformVars(stated.Body, func(v ast.Var) (ast.Value, error) {
		if value, ok := values[v]; ok {
			return ast.String(value), nil
		}
		return v, nil
	}); err != nil {
		return nil, err
	}
	_, err := ast.Transform(ast.NewGenericTransformer(func(x any) (any, error) {
		if call, ok := x.(ast.Call); ok && isConcatOfTexts(call) {
			return joined(call)
		}
		return x, nil
	}), stated.Body)
	return stated, err
}

func isConcatOfTexts(call ast.Call) bool {
	return len(call) == 3 && call[0].Equal(ast.NewTerm(ast.Concat.Ref())) && ast.IsConstant(call[1].Value) && ast.IsConstant(call[2].Value)
}

func joined(call ast.Call) (text ast.Value, err error) {
	err = topdown.GetBuiltin(ast.Concat.Name)(topdown.BuiltinContext{}, call[1:], func(result *ast.Term) error {
		text = result.Value
		return nil
	})
	return text, err
}
