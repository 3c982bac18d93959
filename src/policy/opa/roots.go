package main

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// moveBelow moves the package of a module, and everything that it reads of data, below a root: templates of Gatekeeper
// bring packages along that others bring, too, in other versions.
//
// data.inventory is what Gatekeeper knows of the rest of the cluster. Nothing stands there: a template that reads it
// would find nothing wrong with anything, and is refused.
func moveBelow(module *ast.Module, root []string) error {
	path := ast.Ref{ast.DefaultRootDocument}
	for _, name := range root {
		path = append(path, ast.StringTerm(name))
	}
	var wrong ast.Errors
	_, err := ast.TransformRefs(module, func(ref ast.Ref) (ast.Value, error) {
		if len(ref) < 2 || !ref[0].Equal(ast.DefaultRootDocument) || ref.HasPrefix(path) {
			return ref, nil
		}
		if ref[1].Equal(ast.StringTerm("inventory")) {
			wrong = append(wrong, ast.NewError("cluster_data", ref[1].Location, "data.inventory, the other objects of the cluster, is not known here"))
		}
		return append(path[:len(path):len(path)], ref[1:]...), nil
	})
	if err != nil {
		return err
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}
