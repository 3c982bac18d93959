package elfgate.rules.delivery.source_test

import data.elfgate.recorded.delivery.source as recorded
import data.elfgate.rules.delivery.source as rule

found(documents) := {[finding.path, object.get(finding, "severity", "error"), finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_range_of_versions_and_no_signature if {
	found(recorded.violating) == {
		["spec.chart.spec", "error", "gateway is not pinned: 1.x can be something else tomorrow"],
		["spec.chart.spec", "warning", "the signature of gateway is not verified"],
	}
}

test_a_whole_version_that_is_verified if count(found(recorded.passing)) == 0

test_another_object_says if {
	found(recorded.unknown) == {["spec.chartRef", "info", "cannot tell because another object says what is fetched"]}
}

test_nothing_named_is_the_newest if {
	source := {"at": "spec.source", "kind": "git", "reference": "https://example.com/x", "revision": null, "pinned": false, "verified": null}
	found([{"workload": {"sources": [source]}}]) == {["spec.source", "error", "https://example.com/x is not pinned: the newest can be something else tomorrow"]}
}
