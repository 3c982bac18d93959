package elfgate.rules.visibility["hidden-by-default_test"]

import data.elfgate.recorded.visibility["hidden-by-default"] as recorded
import data.elfgate.rules.visibility["hidden-by-default"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_library_that_hides_nothing_is_found if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/my-api", "exports 5 names and hides none: it was built without -fvisibility=hidden; another object's name can replace each"],
	}
}

test_a_library_that_hides_its_internals_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_stripped_library_without_a_declared_interface_cannot_be_judged if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because it is stripped and no interface is declared: set the parameter allow"] in messages
}
