package main

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// triedRule tells whether a rule fired, and where it stopped if it did not.
type triedRule struct {
	// Rule is the document that the rule defines: data.p.q.
	Rule  string `json:"rule"`
	Place place  `json:"place"`
	// Fired counts the answers that the rule's body had.
	Fired int `json:"fired"`
	// Stopped is the furthest expression that the body did not get beyond. Absent when the rule fired.
	Stopped *failure `json:"stopped,omitempty"`
}

// explanation gathers, while a query is evaluated, what became of each rule.
type explanation struct {
	tried map[*ast.Location]*attempt
	// running finds the rule of a query that is being evaluated.
	running map[uint64]*attempt
}

type attempt struct {
	rule     *ast.Rule
	fired    int
	furthest *topdown.Event
}

func (e *explanation) Enabled() bool { return true }

func (e *explanation) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: true} }

func (e *explanation) TraceEvent(event topdown.Event) {
	switch event.Op {
	case topdown.EnterOp:
		rule, ok := event.Node.(*ast.Rule)
		if !ok || rule.Default || rule.Location == nil {
			return
		}
		if e.tried == nil {
			e.tried, e.running = map[*ast.Location]*attempt{}, map[uint64]*attempt{}
		}
		if e.tried[rule.Location] == nil {
			e.tried[rule.Location] = &attempt{rule: rule}
		}
		e.running[event.QueryID] = e.tried[rule.Location]
	case topdown.ExitOp:
		if current := e.running[event.QueryID]; current != nil && event.HasRule() {
			current.fired++
		}
	case topdown.FailOp:
		current := e.running[event.QueryID]
		if current == nil || event.Location == nil {
			return
		}
		if current.furthest == nil || comparePlaces(event.Location, current.furthest.Location) >= 0 {
			current.furthest = &event
		}
	}
}

func (e *explanation) inOrder() []triedRule {
	rules := []triedRule{}
	for _, tried := range e.tried {
		found := triedRule{
			Rule:  tried.rule.Module.Package.Path.Extend(tried.rule.Head.Ref().GroundPrefix()).String(),
			Place: placeOf(tried.rule.Location),
			Fired: tried.fired,
		}
		if tried.fired == 0 && tried.furthest != nil {
			found.Stopped = failureAt(tried.furthest)
		}
		rules = append(rules, found)
	}
	slices.SortFunc(rules, func(a, b triedRule) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Row, b.Place.Row), cmp.Compare(a.Place.Col, b.Place.Col))
	})
	return rules
}

func comparePlaces(a, b *ast.Location) int {
	return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Col, b.Col))
}

// failure is the expression at which a rule stopped, with the values of its variables written below it.
type failure struct {
	Place place  `json:"place"`
	Text  string `json:"text"`
	// Compared holds both sides where the expression says that they are equal.
	Compared *comparison `json:"compared,omitempty"`
}

type comparison struct {
	Left  any `json:"left"`
	Right any `json:"right"`
}

func failureAt(event *topdown.Event) *failure {
	var text bytes.Buffer
	if err := topdown.PrettyEvent(&text, event, topdown.PrettyEventOpts{PrettyVars: true}); err != nil {
		return nil
	}
	return &failure{Place: placeOf(event.Location), Text: text.String(), Compared: comparisonIn(event)}
}

func comparisonIn(event *topdown.Event) *comparison {
	expr, ok := event.Node.(*ast.Expr)
	if !ok || !expr.IsCall() || expr.Negated || len(expr.Operands()) != 2 {
		return nil
	}
	if name := expr.Operator().String(); name != ast.Equal.Name && name != ast.Equality.Name {
		return nil
	}
	left, right := valueIn(event, expr.Operand(0)), valueIn(event, expr.Operand(1))
	if left == nil || right == nil {
		return nil
	}
	return &comparison{Left: left, Right: right}
}

// valueIn is a side of a comparison as JSON, or nil where a part of it has no value.
func valueIn(event *topdown.Event, side *ast.Term) any {
	plugged, err := ast.TransformVars(side.Copy().Value, func(name ast.Var) (ast.Value, error) {
		if value := event.Locals.Get(name); value != nil {
			return value, nil
		}
		return name, nil
	})
	value, ok := plugged.(ast.Value)
	if err != nil || !ok || !value.IsGround() {
		return nil
	}
	if _, ref := value.(ast.Ref); ref {
		return nil
	}
	plain, err := ast.JSON(value)
	if err != nil {
		return nil
	}
	return plain
}
