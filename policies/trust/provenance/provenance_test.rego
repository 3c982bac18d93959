package elfgate.rules.trust.provenance_test

import data.elfgate.recorded.trust.provenance as recorded
import data.elfgate.rules.trust.provenance as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

parameters := {
	"level": 3,
	"builders": [{
		"id": "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/*@refs/tags/v*",
		"level": 3,
	}],
	"sources": [],
}

test_a_builder_that_nobody_named_reaches_nothing if {
	found(recorded.violating) == {["lab/image:1", "builder reaches SLSA level 0, and 3 is required"]} with data.elfgate.parameters.trust.provenance as parameters
}

test_a_named_builder_is_fine if {
	count(found(recorded.passing)) == 0 with data.elfgate.parameters.trust.provenance as parameters
}

test_sources_of_somebody_else_are_found if {
	mine := object.union(parameters, {"sources": ["https://github.com/example/other"]})
	found(recorded.passing) == {["lab/image:1", "sources are https://github.com/example/plugin, which is none of those that are allowed"]} with data.elfgate.parameters.trust.provenance as mine
}

test_what_cannot_be_looked_for_is_not_missing if {
	every finding in found(recorded.unknown) {
		startswith(finding[1], "cannot tell because ")
	}
	count(found(recorded.unknown)) == 1 with data.elfgate.parameters.trust.provenance as parameters
}
