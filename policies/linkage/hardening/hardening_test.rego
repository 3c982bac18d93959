package elfgate.rules.linkage.hardening_test

import data.elfgate.recorded.linkage.hardening as recorded
import data.elfgate.rules.linkage.hardening as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_program_without_protections_is_found if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/hardening-none", "lacks protections: executable stack, fixed addresses, no RELRO, no stack canaries"],
	}
}

test_a_hardened_program_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_stripped_static_program_does_not_show_canaries if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because a stripped static binary does not show whether it has stack canaries"] in messages
	["info", "lacks protections: fixed addresses"] in messages
}
