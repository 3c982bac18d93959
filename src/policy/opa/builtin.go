package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unsafe"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"
)

// exchange carries one question, and after builtinCall its answer.
var exchange []byte

// builtinQuestion is a call of a built-in function.
type builtinQuestion struct {
	Name string `json:"name"`
	// Operands are Rego terms.
	Operands []string `json:"operands"`
	// Now is the start of the evaluation, in nanoseconds since 1970.
	Now json.Number `json:"now"`
}

// builtinAnswer is empty for a call that is undefined.
type builtinAnswer struct {
	// Value is a Rego term, as a compiled policy reads it: JSON, with {1,2} for sets.
	Value string `json:"value,omitempty"`
	// Error is why the call is undefined.
	Error string `json:"error,omitempty"`
}

// builtinRoom gives the address to which the host writes a question of so many bytes.
//
//go:wasmexport builtin_room
func builtinRoom(size int32) unsafe.Pointer {
	exchange = make([]byte, size)
	return unsafe.Pointer(unsafe.SliceData(exchange))
}

// builtinCall answers the question, and gives the length of the answer in bytes.
//
//go:wasmexport builtin_call
func builtinCall() int32 {
	var asked builtinQuestion
	err := util.UnmarshalJSON(exchange, &asked)
	var answer builtinAnswer
	if err == nil {
		answer.Value, err = callBuiltin(asked)
	}
	if err != nil {
		answer.Error = err.Error()
	}
	if exchange, err = json.Marshal(answer); err != nil {
		exchange = []byte(`{"error":"the result has no JSON form"}`)
	}
	return int32(len(exchange))
}

// builtinAnswerAt gives the address of the answer.
//
//go:wasmexport builtin_answer
func builtinAnswerAt() unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(exchange))
}

func callBuiltin(asked builtinQuestion) (result string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			result, err = "", fmt.Errorf("%v", panicked)
		}
	}()
	function := topdown.GetBuiltin(asked.Name)
	if function == nil {
		return "", errors.New("no such built-in")
	}
	operands := make([]*ast.Term, 0, len(asked.Operands))
	for _, text := range asked.Operands {
		operand, err := ast.ParseTerm(text)
		if err != nil {
			return "", err
		}
		operands = append(operands, operand)
	}
	evaluation := topdown.BuiltinContext{
		Context: context.Background(),
		Time:    ast.NumberTerm(asked.Now),
	}
	var value ast.Value
	if err := function(evaluation, operands, func(term *ast.Term) error {
		value = term.Value
		return nil
	}); err != nil || value == nil {
		return "", err
	}
	var text bytes.Buffer
	if err := writeTerm(&text, value); err != nil {
		return "", err
	}
	return text.String(), nil
}

func writeTerm(text *bytes.Buffer, value ast.Value) error {
	switch value := value.(type) {
	case ast.Set:
		if value.Len() == 0 {
			text.WriteString("set()")
			return nil
		}
		return writeList(text, '{', value.Slice(), '}')
	case *ast.Array:
		items := make([]*ast.Term, 0, value.Len())
		value.Foreach(func(item *ast.Term) { items = append(items, item) })
		return writeList(text, '[', items, ']')
	case ast.Object:
		text.WriteByte('{')
		for index, key := range value.Keys() {
			if index > 0 {
				text.WriteByte(',')
			}
			if err := writeTerm(text, key.Value); err != nil {
				return err
			}
			text.WriteByte(':')
			if err := writeTerm(text, value.Get(key).Value); err != nil {
				return err
			}
		}
		text.WriteByte('}')
		return nil
	default:
		plain, err := ast.JSON(value)
		if err != nil {
			return err
		}
		scalar, err := json.Marshal(plain)
		text.Write(scalar)
		return err
	}
}

func writeList(text *bytes.Buffer, open byte, items []*ast.Term, end byte) error {
	text.WriteByte(open)
	for index, item := range items {
		if index > 0 {
			text.WriteByte(',')
		}
		if err := writeTerm(text, item.Value); err != nil {
			return err
		}
	}
	text.WriteByte(end)
	return nil
}
