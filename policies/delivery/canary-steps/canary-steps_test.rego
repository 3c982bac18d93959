package elfgate.rules.delivery["canary-steps_test"]

import data.elfgate.recorded.delivery["canary-steps"] as recorded
import data.elfgate.rules.delivery["canary-steps"] as rule

standard := {"steps": [5, 20, 100], "stable": []}

found(documents, parameters) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document with data.elfgate.parameters.delivery["canary-steps"] as parameters
}

change(before, after) := [{"workload": {"operation": "update", "traffic": {
	"before": [{"at": "spec.http[0]", "backends": before}],
	"after": [{"at": "spec.http[0]", "backends": after}],
}}}]

test_a_step_that_is_skipped if {
	found(recorded.violating, standard) == {["spec.http[0]", "reviews/v2 goes from 5 % to 50 % of the requests; the next step is 20 %"]}
}

test_the_next_step_is_fine if count(found(recorded.passing, standard)) == 0

test_what_was_before_is_not_known if {
	found(recorded.unknown, standard) == {["spec.rules[0]", "cannot tell because it is not known how requests were shared before"]}
}

test_everything_at_once if {
	found(change([{"name": "v1", "percent": 100}], [{"name": "v2", "percent": 100}]), standard) == {["spec.http[0]", "v2 goes from 0 % to 100 % of the requests; the next step is 5 %"]}
}

test_a_stable_backend_takes_everything_back if {
	back := change([{"name": "v2", "percent": 100}], [{"name": "v1", "percent": 100}])
	count(found(back, {"steps": [5, 20, 100], "stable": ["v1"]})) == 0
}

test_less_is_always_possible if {
	less := change(
		[{"name": "v1", "percent": 80}, {"name": "v2", "percent": 20}],
		[{"name": "v1", "percent": 100}, {"name": "v2", "percent": 0}],
	)
	count(found(less, standard)) == 0
}

test_a_route_that_is_new_takes_over_what_its_backends_had if {
	after := [
		{"at": "spec.http[0]", "backends": [{"name": "v1", "percent": 100}]},
		{"at": "spec.http[1]", "backends": [{"name": "v1", "percent": 100}]},
		{"at": "spec.http[2]", "backends": [{"name": "v2", "percent": 100}]},
	]
	document := {"workload": {"operation": "update", "traffic": {
		"before": [{"at": "spec.http[0]", "backends": [{"name": "v1", "percent": 100}]}],
		"after": after,
	}}}
	found([document], standard) == {["spec.http[2]", "v2 goes from 0 % to 100 % of the requests; the next step is 5 %"]}
}
