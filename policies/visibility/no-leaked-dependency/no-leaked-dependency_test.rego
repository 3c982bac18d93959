package elfgate.rules.visibility["no-leaked-dependency_test"]

import data.elfgate.recorded.visibility["no-leaked-dependency"] as recorded
import data.elfgate.rules.visibility["no-leaked-dependency"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_names_of_a_bundled_zlib_are_found if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/leaks-zlib", "exports 12 names of a bundled zlib; other objects may be bound to this copy"],
	}
}

test_a_bundled_zlib_that_stays_inside_is_fine if {
	count(found(recorded.passing)) == 0
}
