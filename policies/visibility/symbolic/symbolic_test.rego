package elfgate.rules.visibility.symbolic_test

import data.elfgate.recorded.visibility.symbolic as recorded
import data.elfgate.rules.visibility.symbolic as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_library_linked_with_bsymbolic_is_found if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/own-symbols-bsymbolic", "linked with -Bsymbolic: it binds to its own definitions first; interposition and C++ type identity across objects are lost"],
	}
}

test_a_library_linked_without_it_is_fine if {
	count(found(recorded.passing)) == 0
}
