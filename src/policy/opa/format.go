package main

import (
	"errors"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/util"
)

type formatResult struct {
	File string `json:"file"`
	// Text is the file as `opa fmt` writes it.
	Text    string `json:"text"`
	Changed bool   `json:"changed"`
}

func reformat(asked request) ([]formatResult, error) {
	results := []formatResult{}
	var wrong ast.Errors
	for _, file := range util.KeysSorted(asked.Sources) {
		source := asked.Sources[file]
		text, err := format.SourceWithOpts(file, []byte(source), format.Opts{RegoVersion: ast.RegoV1})
		var found ast.Errors
		if errors.As(err, &found) {
			wrong = append(wrong, found...)
			continue
		}
		if err != nil {
			return nil, err
		}
		results = append(results, formatResult{File: file, Text: string(text), Changed: string(text) != source})
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return results, nil
}
