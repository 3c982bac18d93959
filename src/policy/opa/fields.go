package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// unknownField is the detail of an error about a field that the schema of the input does not have.
type unknownField struct{ known []string }

func (u unknownField) Lines() []string { return u.known }

// checkFields finds references into the input that the schema of the input rules out, such as a misspelt field.
//
// OPA's type checker takes null, and with it every union that has null in it, for a value of any type. Here the unions
// lose their null, so that what is below them is checked; comparisons with null then look wrong to the checker, and
// only what it says about references is kept. Tests are left out: their inputs are as they like.
func checkFields(modules map[string]*ast.Module, schema any) error {
	policies := make(map[string]*ast.Module, len(modules))
	for file, module := range modules {
		if !strings.HasSuffix(file, "_test.rego") {
			policies[file] = module.Copy()
		}
	}
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, withoutNull(schema))
	compiler := newCompiler().WithSchemas(schemas)
	compiler.Compile(policies)
	var wrong ast.Errors
	for _, found := range compiler.Errors {
		if about := fieldError(found); about != nil {
			wrong = append(wrong, about)
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

func fieldError(found *ast.Error) *ast.Error {
	switch detail := found.Details.(type) {
	case *ast.RefErrInvalidDetail:
		return fieldErrorAt(found, detail.Ref, detail.Pos, detail.OneOf)
	case *ast.RefErrUnsupportedDetail:
		return fieldErrorAt(found, detail.Ref, detail.Pos+1, nil)
	}
	return nil
}

func fieldErrorAt(found *ast.Error, ref ast.Ref, position int, oneOf []ast.Value) *ast.Error {
	at := found.Location
	if position >= len(ref) {
		return &ast.Error{Code: found.Code, Message: found.Message, Location: at}
	}
	field := ref[position]
	if field.Location != nil && field.Location.File != "" {
		at = field.Location
	}
	known := []string{}
	for _, one := range oneOf {
		if name, ok := one.(ast.String); ok {
			known = append(known, string(name))
		}
	}
	slices.Sort(known)
	return &ast.Error{
		Code:     "facts_field",
		Message:  fmt.Sprintf("%s has no field %s", ref[:position], field.Value),
		Location: at,
		Details:  unknownField{known: known},
	}
}

// withoutNull is a JSON Schema in which anyOf and type lists do not name null.
func withoutNull(schema any) any {
	switch schema := schema.(type) {
	case map[string]any:
		copied := make(map[string]any, len(schema))
		for key, value := range schema {
			copied[key] = withoutNull(value)
		}
		if choices, ok := copied["anyOf"].([]any); ok {
			left := slices.DeleteFunc(slices.Clone(choices), isNull)
			if len(left) == 1 {
				return left[0]
			}
			copied["anyOf"] = left
		}
		return copied
	case []any:
		copied := make([]any, 0, len(schema))
		for _, item := range schema {
			copied = append(copied, withoutNull(item))
		}
		return copied
	}
	return schema
}

func isNull(schema any) bool {
	object, ok := schema.(map[string]any)
	return ok && object["type"] == "null"
}
