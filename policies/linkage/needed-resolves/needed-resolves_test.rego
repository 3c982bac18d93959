package elfgate.rules.linkage["needed-resolves_test"]

import data.elfgate.recorded.linkage["needed-resolves"] as recorded
import data.elfgate.rules.linkage["needed-resolves"] as rule

found(documents) := {[finding.path, finding.severity, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_program_without_its_library_does_not_start if {
	found(recorded.violating) == {[
		"usr/bin/calls-provider",
		"error",
		"libprovider.so is not in the root; starting the program fails with \"error while loading shared libraries\"",
	]}
}

test_a_root_with_all_libraries_is_fine if {
	count(found(recorded.passing)) == 0
}

test_without_a_root_nothing_is_known if {
	some finding in found(recorded.unknown)
	finding[1] == "info"
	startswith(finding[2], "cannot tell because no root file system is given")
}
