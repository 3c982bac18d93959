package elfgate.rules.linkage["symbols-resolve_test"]

import data.elfgate.recorded.linkage["symbols-resolve"] as recorded
import data.elfgate.rules.linkage["symbols-resolve"] as rule

found(documents) := {[finding.path, finding.severity, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_program_whose_library_lost_a_function_does_not_start if {
	found(recorded.violating) == {[
		"usr/bin/calls-provider",
		"error",
		"provider_fn is defined by nothing; starting the program fails with \"undefined symbol\"",
	]}
}

test_a_root_in_which_all_is_defined_is_fine if {
	count(found(recorded.passing)) == 0
}

test_what_a_missing_library_may_define_is_not_known if {
	found(recorded.unknown) == {[
		"usr/bin/calls-provider",
		"info",
		"cannot tell because libprovider.so is missing and may define 1 undefined symbol",
	]}
}
