package elfgate.rules.libc.minimum_test

import data.elfgate.recorded.libc.minimum as recorded
import data.elfgate.rules.libc.minimum as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_binary_for_a_newer_glibc_is_refused if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating) with data.elfgate.parameters.libc.minimum.glibc as "2.31"}
	messages == {
		["lab/c/glibc-new", "needs glibc 2.34, but 2.31 is there; the loader will refuse it"],
	}
}

test_a_binary_for_an_old_glibc_is_fine if {
	count(found(recorded.passing)) == 0 with data.elfgate.parameters.libc.minimum.glibc as "2.31"
}

test_without_a_root_or_a_parameter_nothing_can_be_said if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because it needs glibc 2.34, and neither a root nor the parameter glibc says what is there"] in messages
}
