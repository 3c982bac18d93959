package main

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

type testResult struct {
	Tests    []testCase    `json:"tests"`
	Coverage *cover.Report `json:"coverage,omitempty"`
}

type testCase struct {
	Package string `json:"package"`
	Name    string `json:"name"`
	// Outcome is pass, fail, error or skip.
	Outcome    string `json:"outcome"`
	Error      string `json:"error,omitempty"`
	DurationNs int64  `json:"durationNs"`
	Place      place  `json:"place"`
	// Printed is what the test wrote with print().
	Printed string `json:"printed,omitempty"`
	// Cases holds the failed cases of a test that has several: `test_x[case] if …`.
	Cases   []string `json:"cases,omitempty"`
	Failure *failure `json:"failure,omitempty"`
}

func test(ctx context.Context, asked request) (*testResult, error) {
	if len(asked.Sources) == 0 {
		return nil, errors.New("no sources")
	}
	modules, err := parse(asked.Sources, asked.Roots)
	if err != nil {
		return nil, err
	}
	coverage := cover.New()
	results, err := runTests(ctx, asked, modules, func(r *tester.Runner) {
		if asked.Coverage {
			r.SetCoverageQueryTracer(coverage)
		}
	})
	if err != nil {
		return nil, err
	}
	// A trace of every step is only worth its memory for tests that failed: those run once more.
	var failed []string
	for _, r := range results {
		if r.Fail {
			failed = append(failed, regexp.QuoteMeta(r.Package+"."+r.Name))
		}
	}
	failures := map[string]*failure{}
	if len(failed) > 0 {
		traced, err := runTests(ctx, asked, modules, func(r *tester.Runner) {
			r.EnableTracing(true).Filter("^(" + strings.Join(failed, "|") + ")$")
		})
		if err != nil {
			return nil, err
		}
		for _, r := range traced {
			failures[r.Package+"."+r.Name] = lastFailure(r.Trace)
		}
	}
	answer := &testResult{Tests: []testCase{}}
	for _, r := range results {
		answer.Tests = append(answer.Tests, described(r, failures[r.Package+"."+r.Name]))
	}
	if asked.Coverage {
		report := coverage.Report(modules)
		answer.Coverage = &report
	}
	return answer, nil
}

// runTests gives the results in the order of their places.
func runTests(ctx context.Context, asked request, modules map[string]*ast.Module, configure func(*tester.Runner)) ([]*tester.Result, error) {
	data := asked.Data
	if data == nil {
		data = map[string]any{"elfgate": map[string]any{"parameters": parameterDefaults(modules)}}
	}
	copies := make(map[string]*ast.Module, len(modules))
	for file, module := range modules {
		copies[file] = module.Copy()
	}
	store := inmem.NewFromObject(data)
	strict := len(ownModules(modules, asked.Roots)) == len(modules)
	var results []*tester.Result
	err := storage.Txn(ctx, store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		// wasip1 has one thread; tests that take turns also print the same bytes in every run.
		runner := tester.NewRunner().
			SetCompiler(newCompiler().WithStrict(strict).WithEnablePrintStatements(true)).
			SetStore(store).
			SetModules(copies).
			SetParallel(1)
		configure(runner)
		channel, err := runner.RunTests(ctx, txn)
		if err != nil {
			return err
		}
		for result := range channel {
			results = append(results, result)
		}
		return nil
	})
	slices.SortFunc(results, func(a, b *tester.Result) int {
		return cmp.Or(cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Row, b.Location.Row), cmp.Compare(a.Name, b.Name))
	})
	return results, err
}

func described(r *tester.Result, at *failure) testCase {
	described := testCase{
		Package:    r.Package,
		Name:       r.Name,
		Outcome:    "pass",
		DurationNs: r.Duration.Nanoseconds(),
		Place:      placeOf(r.Location),
		Printed:    string(r.Output),
		Failure:    at,
	}
	switch {
	case r.Skip:
		described.Outcome = "skip"
	case r.Error != nil:
		described.Outcome, described.Error = "error", r.Error.Error()
	case r.Fail:
		described.Outcome = "fail"
	}
	for name, sub := range r.SubResults.Iter {
		if sub.Fail && len(sub.SubResults) == 0 {
			described.Cases = append(described.Cases, strings.Join(name, "/"))
		}
	}
	return described
}

// lastFailure finds the expression that ended a test, as OPA's own reporter does: the last one that failed, and
// inside an `every`, the one in its body.
func lastFailure(trace []*topdown.Event) *failure {
	for _, event := range slices.Backward(trace) {
		if event.Op != topdown.FailOp || event.Location == nil || event.QueryID == 0 {
			continue
		}
		if expr, ok := event.Node.(*ast.Expr); ok {
			if _, every := expr.Terms.(*ast.Every); every {
				continue
			}
		}
		return failureAt(event)
	}
	return nil
}

// parameterDefaults gives data.elfgate.parameters as it is where nobody sets a parameter: FAMILY.NAME.PARAMETER, from
// custom.params of the rules' METADATA.
func parameterDefaults(modules map[string]*ast.Module) map[string]any {
	families := map[string]any{}
	for _, module := range modules {
		path := names(module.Package.Path)
		if len(path) != 5 || path[1] != "elfgate" || path[2] != "rules" {
			continue
		}
		for _, described := range module.Annotations {
			if described.Scope != "package" {
				continue
			}
			family, _ := families[path[3]].(map[string]any)
			if family == nil {
				family = map[string]any{}
				families[path[3]] = family
			}
			rule := map[string]any{}
			declared, _ := described.Custom["params"].(map[string]any)
			for name, schema := range declared {
				if schema, ok := schema.(map[string]any); ok {
					rule[name] = schema["default"]
				}
			}
			family[path[4]] = rule
		}
	}
	return families
}
